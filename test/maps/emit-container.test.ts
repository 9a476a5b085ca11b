import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterBits } from "../../src/maps/index.ts";
import { BpfMapType, Errno } from "../../src/uapi/index.ts";
import { attributes, patternOf, TestMap } from "./support.ts";

const { QUEUE, STACK, BLOOM_FILTER } = BpfMapType;

/** Push, pop and peek of a map, on a buffer that is not aligned. */
function containerOf(type: number, valueSize: number, maxEntries: number, extra = 0n) {
  const map = new TestMap(attributes({ type, keySize: 0, valueSize, maxEntries, extra }));
  const { memory, operations, storage } = map;
  const at = memory.alloc(valueSize + 8) + 1;
  const bytes = () => memory.bytes().slice(at, at + valueSize);
  return {
    push(value: Uint8Array, flags = 0): number {
      memory.bytes().set(value, at);
      return operations.push!(storage.offset, at, flags);
    },
    pop: () => ({ error: operations.pop!(storage.offset, at), value: bytes() }),
    peek(value?: Uint8Array) {
      if (value !== undefined) memory.bytes().set(value, at);
      return { error: operations.peek!(storage.offset, at), value: bytes() };
    },
  };
}

describe("queues and stacks", () => {
  const step = fc.record({ what: fc.constantFrom("push", "force", "pop", "peek"), seed: fc.nat(255) });
  it.each([
    ["a queue", QUEUE],
    ["a stack", STACK],
  ])("%s behaves as a model", (_, type) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 8, 24, 300),
        fc.integer({ min: 1, max: 6 }),
        fc.array(step),
        (size, entries, steps) => {
          const map = containerOf(type, size, entries);
          const model: Uint8Array[] = [];
          for (const { what, seed } of steps) {
            const value = patternOf(seed, size);
            if (what === "push" || what === "force") {
              const full = model.length === entries;
              expect(map.push(value, what === "force" ? 2 : 0)).toBe(
                full && what === "push" ? -Errno.E2BIG : 0,
              );
              if (full && what === "force") model.shift();
              if (!full || what === "force") model.push(value);
            } else {
              const there = (type === QUEUE ? model[0] : model.at(-1)) ?? null;
              const got = what === "pop" ? map.pop() : map.peek();
              expect(got.error).toBe(there === null ? -Errno.ENOENT : 0);
              expect(got.value).toEqual(there ?? new Uint8Array(size));
              if (what === "pop") type === QUEUE ? model.shift() : model.pop();
            }
          }
        },
      ),
    );
  });
});

describe("a Bloom filter", () => {
  it.each([3, 8, 20, 200])("finds all values of %i bytes that were pushed, and few others", (size) => {
    const map = containerOf(BLOOM_FILTER, size, 500);
    const value = (number: number) => {
      const bytes = patternOf(7, size);
      bytes[0] = number;
      bytes[size - 1] = number >> 8;
      return bytes;
    };
    for (let i = 0; i < 500; i++) expect(map.push(value(i))).toBe(0);
    for (let i = 0; i < 500; i++) expect(map.peek(value(i)).error).toBe(0);
    let wrong = 0;
    for (let i = 500; i < 5000; i++) if (map.peek(value(i)).error === 0) wrong++;
    // Five hash functions on 4096 bits: 2 % are expected.
    expect(wrong / 4500).toBeLessThan(0.05);
    expect(map.push(value(1), 1)).toBe(-Errno.EINVAL);
    expect(map.pop().error).toBe(-Errno.EOPNOTSUPP);
  });

  it("has as many bits as Linux gives it", () => {
    expect([filterBits(1, 5), filterBits(100, 5), filterBits(1000, 3), filterBits(2 ** 31, 15)]).toEqual([
      64,
      1024,
      8192,
      2 ** 32,
    ]);
  });
});
