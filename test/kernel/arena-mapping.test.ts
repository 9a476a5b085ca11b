import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import type { Mapping } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { CaseProgram } from "./case-program.ts";

const SHARE = `type: syscall
flags: sleepable
map arena: arena, entries 4, flags mmapable, extra 0x100000010000
code:
  r1 = %arena; r2 = 0; w3 = 1; w4 = -1; r5 = 0
  call kfunc bpf_arena_alloc_pages
  r6 = addr_space_cast(r0, 0, 1)
  if r6 == 0 goto out
  *(u32 *)(r6 + 8) = 42
  r0 = *(u32 *)(r6 + 4096)
out:
  exit
run: ctx zeros(8)
`;

describe("mappings of arenas", () => {
  it("share pages with programs, whoever took them", () => {
    using sut = new CaseProgram(SHARE);
    const mapFd = sut.map();
    const mapping = sut.kernel.port.map(mapFd, 0, 4 * 4096, { write: true }) as Mapping;
    // The second page comes with its first use.
    mapping.store32(4096, 7);
    const { retval } = sut.kernel.progTestRun({ progFd: sut.progFd, ctxIn: new Uint8Array(8) });
    expect(retval).toBe(7);
    expect(mapping.load32(8)).toBe(42);
    expect(() => mapping.load32(10)).toThrow("expected a multiple of 4");
    mapping.close();
    expect(() => mapping.load32(8)).toThrow(RangeError);
  });

  it("are of the whole arena, and fault where that is asked for", () => {
    const kernel = new EmbeddedKernel();
    const arena = { mapType: BpfMapType.ARENA, keySize: 0, valueSize: 0, maxEntries: 4 };
    const mapFd = kernel.mapCreate({ ...arena, mapFlags: BpfMapFlag.MMAPABLE | BpfMapFlag.SEGV_ON_FAULT });
    expect(kernel.port.map(mapFd, 0, 4096, { write: true })).toBeLessThan(0);
    const mapping = kernel.port.map(mapFd, 0, 4 * 4096, { write: true }) as Mapping;
    expect(() => mapping.read(0, 4)).toThrow("expected a page of the arena");
  });
});
