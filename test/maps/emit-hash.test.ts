import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPerCpuType } from "../../src/maps/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { attributes, CPUS, hex, keyOf, patternOf, same, TestMap } from "./support.ts";

const KEY_SIZES = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 63, 64, 128, 129, 512,
];
const VALUE_SIZES = [1, 2, 3, 4, 7, 8, 12, 16, 23, 64, 127, 128, 129, 1000, 4096];

const kinds = fc.record({
  type: fc.constantFrom(BpfMapType.HASH, BpfMapType.PERCPU_HASH),
  flags: fc.constantFrom(0, BpfMapFlag.NO_PREALLOC, BpfMapFlag.ZERO_SEED),
  keySize: fc.constantFrom(...KEY_SIZES),
  valueSize: fc.constantFrom(...VALUE_SIZES),
  maxEntries: fc.constantFrom(1, 2, 5, 8, 50),
});

const step = fc.record({
  what: fc.constantFrom("update", "update", "update", "lookup", "delete", "next"),
  key: fc.nat(70),
  value: fc.nat(255),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, -1),
  cpu: fc.nat(CPUS - 1),
});

describe("hash tables", () => {
  it("behave as a model: values, errors, counts, iteration", () => {
    fc.assert(
      fc.property(kinds, fc.array(step, { maxLength: 200 }), (kind, steps) => {
        const map = new TestMap(attributes(kind));
        const perCpu = isPerCpuType(kind.type);
        const model = new Map<string, Uint8Array[]>();
        const blank = new Uint8Array(kind.valueSize);
        for (const { what, key: number, value: seed, flags, cpu } of steps) {
          const key = keyOf(number, kind.keySize);
          const name = hex(key);
          const known = model.get(name);
          if (what === "update") {
            const value = patternOf(seed, kind.valueSize);
            let expected = 0;
            if (flags < 0 || flags > 2) expected = -Errno.EINVAL;
            else if (known !== undefined && flags === 1) expected = -Errno.EEXIST;
            else if (known === undefined && flags === 2) expected = -Errno.ENOENT;
            else if (known === undefined && model.size >= kind.maxEntries) expected = -Errno.E2BIG;
            expect(map.update(key, value, flags, cpu)).toBe(expected);
            if (expected !== 0) continue;
            const values = known ?? Array.from({ length: CPUS }, () => blank);
            if (perCpu) values[cpu] = value;
            else values.fill(value);
            model.set(name, values);
          } else if (what === "lookup") {
            expect(same(map.lookup(key, cpu), known?.[cpu] ?? null)).toBe(true);
            expect(map.find(key, cpu) % 8).toBe(0);
          } else if (what === "delete") {
            expect(map.delete(key)).toBe(model.delete(name) ? 0 : -Errno.ENOENT);
          } else {
            const next = map.nextKey(key);
            if (typeof next === "number") expect(next).toBe(-Errno.ENOENT);
            else expect(model.has(hex(next))).toBe(true);
            if (known === undefined) expect(next).toEqual(map.nextKey(null));
          }
          expect(map.storage.count).toBe(model.size);
        }
        expect(map.keys().sort()).toEqual([...model.keys()].sort());
        for (const [name, values] of model) {
          for (let cpu = 0; cpu < CPUS; cpu++) {
            expect(same(map.lookup(Buffer.from(name, "hex"), cpu), values[cpu]!)).toBe(true);
          }
        }
        // Buckets hold the same keys.
        const bytes = map.memory.bytes();
        const inBuckets: string[] = [];
        for (let bucket = 0; bucket < map.storage.buckets(); bucket++) {
          for (const at of map.storage.keysOf(bucket))
            inBuckets.push(hex(bytes.subarray(at, at + kind.keySize)));
        }
        expect(inBuckets.sort()).toEqual([...model.keys()].sort());
      }),
      { numRuns: 300 },
    );
  });

  it("replace a value by another element, so that a pointer to the old one stays as it was", () => {
    for (const flags of [0, BpfMapFlag.NO_PREALLOC]) {
      const map = new TestMap(attributes({ flags }));
      const key = keyOf(1, 4);
      map.update(key, patternOf(1, 8));
      const old = map.find(key);
      expect(map.update(key, patternOf(2, 8))).toBe(0);
      expect(map.find(key)).not.toBe(old);
      expect(map.memory.bytes().slice(old, old + 8)).toEqual(patternOf(1, 8));
      expect(map.lookup(key)).toEqual(patternOf(2, 8));
    }
  });

  it("overwrite per-CPU values in place, and clear those of other CPUs in a new element", () => {
    const map = new TestMap(attributes({ type: BpfMapType.PERCPU_HASH, maxEntries: 1 }));
    const key = keyOf(1, 4);
    for (let cpu = 0; cpu < CPUS; cpu++) map.update(key, patternOf(9, 8), 0, cpu);
    const at = map.find(key, 1);
    map.update(key, patternOf(5, 8), 0, 1);
    expect(map.find(key, 1)).toBe(at);
    expect(map.delete(key)).toBe(0);
    map.update(keyOf(2, 4), patternOf(3, 8), 0, 2);
    expect(map.find(keyOf(2, 4), 1)).toBe(at);
    expect(map.lookup(keyOf(2, 4), 1)).toEqual(new Uint8Array(8));
    expect(map.lookup(keyOf(2, 4), 2)).toEqual(patternOf(3, 8));
  });

  it("can be iterated while every key that is seen is deleted", () => {
    const map = new TestMap(attributes({ maxEntries: 500, flags: BpfMapFlag.NO_PREALLOC }));
    for (let i = 0; i < 500; i++) expect(map.update(keyOf(i, 4), patternOf(i, 8))).toBe(0);
    expect(map.update(keyOf(500, 4), patternOf(0, 8))).toBe(-Errno.E2BIG);
    let seen = 0;
    let next = map.nextKey(null);
    while (typeof next !== "number") {
      const after = map.nextKey(next);
      expect(map.delete(next)).toBe(0);
      seen++;
      next = after;
    }
    expect(seen).toBe(500);
    expect(map.storage.count).toBe(0);
    expect(map.nextKey(null)).toBe(-Errno.ENOENT);
  });

  it("spread keys that differ in few bits", () => {
    for (const keySize of [4, 8, 16, 40]) {
      const map = new TestMap(attributes({ keySize, valueSize: 4, maxEntries: 4096 }));
      for (let i = 0; i < 4096; i++) map.update(keyOf(i * 256, keySize), patternOf(0, 4));
      let longest = 0;
      for (let i = 0; i < map.storage.buckets(); i++)
        longest = Math.max(longest, map.storage.keysOf(i).length);
      expect(longest).toBeLessThanOrEqual(9);
    }
  });

  it("need memory only for the elements in use without preallocation", () => {
    const map = new TestMap(
      attributes({ maxEntries: 1_000_000, valueSize: 1024, flags: BpfMapFlag.NO_PREALLOC }),
    );
    const before = map.memory.used;
    expect(map.update(keyOf(1, 4), patternOf(1, 1024))).toBe(0);
    expect(map.memory.used - before).toBeLessThan(32 << 10);
    const value = patternOf(1, 1024);
    let i = 2;
    while (map.update(keyOf(i, 4), value) === 0) i++;
    expect(map.update(keyOf(i, 4), value)).toBe(-Errno.ENOMEM);
    expect(i * 1040).toBeGreaterThan(map.memory.bytes().length / 3);
    expect(map.lookup(keyOf(i - 1, 4))).toEqual(patternOf(1, 1024));
    map.storage.close();
    map.memory.executors.quiesce(0);
    expect(map.memory.used).toBeLessThan(4096);
  });
});
