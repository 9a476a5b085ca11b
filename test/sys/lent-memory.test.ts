import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LentMemory, Loans } from "../../src/sys/index.ts";

describe("lent memory", () => {
  it("reads and writes a buffer in place", () => {
    const memory = new LentMemory();
    const buffer = Uint8Array.of(1, 2, 3, 4);
    const address = memory.lend(buffer);
    expect(memory.read(address + 1n, 2)).toEqual(Uint8Array.of(2, 3));
    expect(memory.write(address + 2n, Uint8Array.of(9, 8))).toBe(true);
    expect(buffer).toEqual(Uint8Array.of(1, 2, 9, 8));
  });

  it("knows nothing before, behind or between loans", () => {
    const memory = new LentMemory();
    const one = memory.lend(new Uint8Array(16));
    const other = memory.lend(new Uint8Array(16));
    expect(other).toBeGreaterThan(one + 4096n);
    for (const address of [0n, one - 1n, one + 16n, other - 1n, other + 16n, 1n << 63n, -1n]) {
      expect(memory.read(address, 1)).toBeNull();
      expect(memory.write(address, Uint8Array.of(1))).toBe(false);
    }
    expect(memory.read(one + 8n, 9)).toBeNull();
    expect(memory.read(one, 2 ** 40)).toBeNull();
  });

  it("counts beyond 4 GiB of loans", () => {
    const memory = new LentMemory();
    // Only the length is looked at: nobody has to have as much memory.
    const huge = () => Object.defineProperty(new Uint8Array(0), "length", { value: 3 * 2 ** 30 });
    const first = memory.lend(huge());
    const second = memory.lend(huge());
    const last = Uint8Array.of(1, 2, 3, 4);
    const address = memory.lend(last);
    expect(second).toBeGreaterThan(first + 3n * 2n ** 30n);
    expect(address).toBeGreaterThan(second + 3n * 2n ** 30n);
    expect(memory.write(address + 1n, Uint8Array.of(9))).toBe(true);
    expect(last).toEqual(Uint8Array.of(1, 9, 3, 4));
    memory.release(address);
    expect(memory.read(address, 1)).toBeNull();
  });

  it("gives no address to an empty buffer", () => {
    const memory = new LentMemory();
    expect(memory.lend(new Uint8Array(0))).toBe(0n);
    memory.release(0n);
  });

  it("forgets what is released, in any order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9000 }), fc.nat()), { maxLength: 30 }),
        (steps) => {
          const memory = new LentMemory();
          const live: { address: bigint; buffer: Uint8Array }[] = [];
          for (const [size, choice] of steps) {
            if (choice % 3 === 0 && live.length > 0) {
              const [gone] = live.splice(choice % live.length, 1);
              memory.release(gone!.address);
              expect(memory.read(gone!.address, 1)).toBeNull();
            } else {
              const buffer = new Uint8Array(size).fill(choice);
              live.push({ address: memory.lend(buffer), buffer });
            }
            for (const { address, buffer } of live) {
              expect(memory.read(address, buffer.length)?.buffer).toBe(buffer.buffer);
              expect(memory.read(address, buffer.length + 1)).toBeNull();
            }
          }
        },
      ),
    );
  });

  it("ends loans with their scope", () => {
    const memory = new LentMemory();
    let address = 0n;
    {
      using loans = new Loans(memory);
      address = loans.lend(new Uint8Array(4));
      expect(memory.read(address, 4)).not.toBeNull();
    }
    expect(memory.read(address, 4)).toBeNull();
  });
});
