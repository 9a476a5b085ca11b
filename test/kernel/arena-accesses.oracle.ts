import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { load } from "./programs.ts";
import { Twins } from "./twins.ts";

/** What a register holds behind each kind of access, r3 before it being 77 and r0 being 78. */
const ACCESSES = [
  "r3 = *(u64 *)(r2 + 0)",
  "r3 = *(s8 *)(r2 + 8)",
  "r3 = load_acquire((u64 *)(r2 + 0))",
  "w3 = load_acquire((u32 *)(r2 + 0))",
  "w3 = load_acquire((u8 *)(r2 + 0))",
  "store_release((u64 *)(r2 + 0), r3)",
  "*(u64 *)(r2 + 0) = r3",
  "r3 = atomic_fetch_add((u64 *)(r2 + 0), r3)",
  "w3 = atomic_fetch_add((u32 *)(r2 + 0), w3)",
  "r3 = xchg_64(r2 + 0, r3)",
  "r0 = cmpxchg_64(r2 + 0, r0, r3)",
  "w0 = cmpxchg32_32(r2 + 0, w0, w3)",
];

describeWith([liveKernel("6.18")], "accesses to pages that an arena does not have, as on Linux", async () => {
  const all = await Promise.all(["interp", "jit"].map((engine) => Twins.meet({ engine: engine as "jit" })));
  afterAll(() => {
    for (const twins of all) twins[Symbol.dispose]();
  });

  it.each(ACCESSES)("%s", (access) => {
    for (const twins of all) {
      const arena = twins.mustOpen("MAP_CREATE", {
        mapType: BpfMapType.ARENA,
        keySize: 0,
        valueSize: 0,
        maxEntries: 2,
        mapFlags: BpfMapFlag.MMAPABLE,
        mapExtra: 0x1000_0000n,
      });
      for (const register of ["r0", "r3"]) {
        const text = `
          r1 = %0
          r2 = 0x10000000 ll
          r2 = addr_space_cast(r2, 0, 1)
          r0 = 78
          r3 = 77 ll
          r4 = r3
          r4 <<= 32
          r3 |= r4
          ${access}
          r5 = ${register}
          r5 >>= 20
          r0 = ${register}
          r0 ^= r5
          exit`;
        const progFd = load(twins, "syscall", text, { maps: [arena], fields: { progFlags: 16 } });
        for (let i = 0; i < 2; i++) twins.call("PROG_TEST_RUN", { progFd });
        twins.close(progFd);
      }
      twins.close(arena);
      expect(twins.taken()).toEqual([]);
    }
  });
});
