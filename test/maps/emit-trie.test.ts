import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { attributes, hex, patternOf, TestMap } from "./support.ts";

const SIZE = 2;

function trie(maxEntries: number, dataSize = SIZE): TestMap {
  const shape = { type: BpfMapType.LPM_TRIE, keySize: 4 + dataSize, valueSize: 8, maxEntries };
  return new TestMap(attributes({ ...shape, flags: BpfMapFlag.NO_PREALLOC }));
}

function keyOf(prefix: number, data: number): Uint8Array {
  return Uint8Array.of(prefix, 0, 0, 0, data >> 8, data & 0xff);
}

/** The first bits of 16, the others 0. */
function cut(prefix: number, data: number): number {
  return prefix === 0 ? 0 : data & (0xffff << (16 - prefix)) & 0xffff;
}

describe("a trie of prefixes", () => {
  const prefix = fc.integer({ min: 0, max: 16 });
  const data = fc.nat(0xffff).map((bits) => bits & 0xf0f1);

  it("gives the value of the longest prefix that a key begins with", () => {
    const entries = fc.array(fc.tuple(prefix, data), { maxLength: 40 });
    fc.assert(
      fc.property(entries, entries, entries, (entered, removed, asked) => {
        const map = trie(100);
        const model = new Map<string, number>();
        const nameOf = (length: number, bits: number) => `${length}/${cut(length, bits)}`;
        for (const [i, [length, bits]] of entered.entries()) {
          expect(map.update(keyOf(length, bits), patternOf(i, 8))).toBe(0);
          model.set(nameOf(length, bits), i);
        }
        for (const [length, bits] of removed) {
          const there = model.delete(nameOf(length, bits));
          expect(map.delete(keyOf(length, bits))).toBe(there ? 0 : -Errno.ENOENT);
        }
        expect(map.storage.count).toBe(model.size);
        expect(map.keys()).toHaveLength(model.size);
        for (const [length, bits] of asked) {
          let expected: Uint8Array | null = null;
          for (let shorter = length; shorter >= 0 && expected === null; shorter--) {
            const found = model.get(nameOf(shorter, bits));
            if (found !== undefined) expected = patternOf(found, 8);
          }
          expect(map.lookup(keyOf(length, bits))).toEqual(expected);
        }
      }),
    );
  });

  it("keeps what was taken out until nobody can stand on it", () => {
    const map = trie(10);
    const { memory } = map;
    map.update(keyOf(8, 0xff00), patternOf(1, 8));
    const old = map.find(keyOf(16, 0xff12));
    for (let i = 2; i < 50; i++) map.update(keyOf(8, 0xff00), patternOf(i, 8));
    map.delete(keyOf(8, 0xff00));
    for (let i = 0; i < 10; i++) map.update(keyOf(16, i), patternOf(0, 8));
    expect(hex(memory.bytes().slice(old, old + 8))).toBe(hex(patternOf(1, 8)));
  });

  it("uses nodes again once everybody has passed a quiescent point", () => {
    const map = trie(10);
    const { memory } = map;
    const round = () => {
      for (let i = 0; i < 100; i++) map.update(keyOf(8, 0xff00), patternOf(i, 8));
      memory.executors.quiesce(0);
      memory.executors.quiesce(0);
    };
    for (let i = 0; i < 3; i++) round();
    const before = memory.used;
    for (let i = 0; i < 50; i++) round();
    expect(memory.used).toBe(before);
  });

  it("gives all its memory back", () => {
    const map = trie(10);
    for (let i = 0; i < 10; i++) map.update(keyOf(16, i * 77), patternOf(i, 8));
    const { memory } = map;
    const regions = memory.regions.count;
    map.storage.close();
    memory.executors.quiesce(0);
    expect(memory.regions.count).toBeLessThan(regions);
  });
});
