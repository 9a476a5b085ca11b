import { describe, expect, it } from "vitest";
import { LentMemory, Loans } from "../../src/sys/index.ts";

describe("LentMemory", () => {
  it("shows lent buffers in place, and nothing around them", () => {
    const memory = new LentMemory();
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const address = memory.lend(bytes);
    const other = memory.lend(new Uint8Array(8));
    expect(memory.read(address + 1n, 2)).toEqual(Uint8Array.of(2, 3));
    expect(memory.write(address + 2n, Uint8Array.of(9))).toBe(true);
    expect([...bytes]).toEqual([1, 2, 9, 4]);
    expect(memory.read(address + 2n, 3)).toBeNull();
    expect(memory.read(address - 1n, 1)).toBeNull();
    expect(memory.write(other + 8n, Uint8Array.of(1))).toBe(false);
    expect(memory.read(0n, 1)).toBeNull();
    expect(memory.read(0xffff_8000_0000_0000n, 1)).toBeNull();
  });

  it("keeps loans of more than 2 GiB apart", () => {
    const memory = new LentMemory();
    // A buffer of that size, as far as its length tells.
    const huge = Object.defineProperty(new Uint8Array(8), "length", { value: 0xc000_0000 });
    const first = memory.lend(huge);
    const small = Uint8Array.of(7);
    const second = memory.lend(small);
    expect(second - first).toBeGreaterThan(0xc000_0000n);
    expect(memory.read(second, 1)).toEqual(small);
  });

  it("takes loans back in any order, and at the end of a call", () => {
    const memory = new LentMemory();
    const [a, b] = [memory.lend(new Uint8Array(4)), memory.lend(new Uint8Array(4))];
    memory.release(a);
    expect(memory.read(a, 1)).toBeNull();
    expect(memory.read(b, 4)).not.toBeNull();
    let lent: bigint;
    {
      using loans = new Loans(memory);
      lent = loans.lend(new Uint8Array(4));
      expect(loans.lend(new Uint8Array(0))).toBe(0n);
      expect(memory.read(lent, 4)).not.toBeNull();
    }
    expect(memory.read(lent, 4)).toBeNull();
  });
});
