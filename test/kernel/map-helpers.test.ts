import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { FRAME, loadText, u32 } from "./support.ts";

const KEY = "*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4";
const UPDATE = `${KEY}\n*(u64 *)(r10 - 16) = 3\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_map_update_elem`;

/** What a program returns, signed. */
function run(kernel: EmbeddedKernel, text: string): number {
  const progFd = loadText(kernel, "xdp", text);
  return kernel.progTestRun({ progFd, dataIn: FRAME }).retval | 0;
}

describe("maps that helpers may not use as they like", () => {
  it("a program array: nothing but tail calls", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const mapFd = kernel.mapCreate({
      mapType: BpfMapType.PROG_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    });
    const target = loadText(kernel, "xdp", "r0 = 7\nexit");
    kernel.mapUpdateElem({ mapFd, key: u32(0), value: u32(target) });
    const map = `r1 = map[id:${mapFd}]`;
    const tailCall = `r1 = r6\nr2 = map[id:${mapFd}]\nr3 = 0\ncall bpf_tail_call\nr0 = 9\nexit`;
    expect(run(kernel, `${map}\n${UPDATE}\nexit`)).toBe(-Errno.EOPNOTSUPP);
    expect(run(kernel, `${map}\n${KEY}\ncall bpf_map_delete_elem\nexit`)).toBe(-Errno.EOPNOTSUPP);
    expect(run(kernel, `${map}\n${KEY}\ncall bpf_map_lookup_elem\nexit`)).toBe(0);
    expect(run(kernel, `r6 = r1\n${map}\n${UPDATE}\n${tailCall}`)).toBe(7);
    expect(kernel.mapLookupElem({ mapFd, key: u32(0) })).not.toBeNull();
  });

  it.each([
    ["array", BpfMapType.ARRAY],
    ["hash", BpfMapType.HASH],
  ])("an %s that programs only read", (_, mapType) => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const mapFlags = BpfMapFlag.RDONLY_PROG;
    const mapFd = kernel.mapCreate({ mapType, keySize: 4, valueSize: 8, maxEntries: 1, mapFlags });
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    kernel.mapUpdateElem({ mapFd, key: u32(0), value });
    expect(run(kernel, `r1 = map[id:${mapFd}]\n${UPDATE}\nexit`)).toBe(-Errno.EOPNOTSUPP);
    expect(run(kernel, `r1 = map[id:${mapFd}]\n${KEY}\ncall bpf_map_delete_elem\nexit`)).toBe(
      -Errno.EOPNOTSUPP,
    );
    expect(kernel.mapLookupElem({ mapFd, key: u32(0) })).toEqual(value);
    const read = `r1 = map[id:${mapFd}]\n${KEY}\ncall bpf_map_lookup_elem\nr0 = *(u32 *)(r0 + 0)\nexit`;
    expect(run(kernel, read)).toBe(0x0403_0201);
  });
});

describe("maps without a name", () => {
  it("are called so where an access is refused", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const mapFd = kernel.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 1 });
    const text = `r1 = map[id:${mapFd}]\n*(u32 *)(r1 + 0) = 5\nr0 = 0\nexit`;
    expect(() => run(kernel, text)).toThrow("EFAULT");
    expect(kernel.lastFault?.message).toMatch(/got map \(unnamed\), which is read-only/);
  });
});
