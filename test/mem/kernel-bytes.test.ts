import { describe, expect, it } from "vitest";
import {
  addressOf,
  createKernelMemory,
  KERNEL_BASE,
  offsetOf,
  readKernel,
  readWord,
  writeKernel,
  writeWord,
} from "../../src/mem/index.ts";

describe("kernel addresses", () => {
  it("are offsets above the base, and nothing else is", () => {
    expect(addressOf(0xffff_ffff)).toBe(0xffff_8000_ffff_ffffn);
    expect(offsetOf(addressOf(0x2_0000))).toBe(0x2_0000);
    expect(offsetOf(addressOf(0xffff_fff8 | 0))).toBe(0xffff_fff8);
    for (const address of [0n, 0x2_0000n, KERNEL_BASE + (1n << 32n), 0x7fff_8000_0002_0000n, -1n]) {
      expect(offsetOf(address)).toBe(0);
    }
    expect(offsetOf(BigInt.asIntN(64, addressOf(77)))).toBe(77);
  });

  it("read and write within the memory only", () => {
    const memory = createKernelMemory({ maximumPages: 16 });
    const at = memory.alloc(16);
    expect(writeKernel(memory, addressOf(at), Uint8Array.of(1, 2, 3))).toBe(true);
    expect(readKernel(memory, addressOf(at), 4)).toEqual(Uint8Array.of(1, 2, 3, 0));
    expect(readKernel(memory, addressOf(memory.bytes().length - 2), 4)).toBe(null);
    expect(writeKernel(memory, 0x2_0000n, Uint8Array.of(1))).toBe(false);
    writeWord(memory, at, -2n);
    expect(readWord(memory, at)).toBe(0xffff_ffff_ffff_fffen);
  });
});
