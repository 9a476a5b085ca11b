import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPerCpuType } from "../../src/maps/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { attributes, CPUS, keyOf, patternOf, same, TestMap } from "./support.ts";

const index = (number: number) => keyOf(number, 4);

describe("arrays", () => {
  it("behave as a model", () => {
    const kinds = fc.record({
      type: fc.constantFrom(BpfMapType.ARRAY, BpfMapType.PERCPU_ARRAY),
      valueSize: fc.constantFrom(1, 2, 3, 4, 7, 8, 12, 16, 40, 130, 4096),
      maxEntries: fc.constantFrom(1, 2, 7, 64),
    });
    const step = fc.record({
      at: fc.nat(70),
      seed: fc.nat(255),
      flags: fc.constantFrom(0, 0, 1, 2, 3, 4, 5, 8, -1),
      cpu: fc.nat(CPUS - 1),
    });
    fc.assert(
      fc.property(kinds, fc.array(step, { maxLength: 100 }), (kind, steps) => {
        const map = new TestMap(attributes({ ...kind, keySize: 4 }));
        const perCpu = isPerCpuType(kind.type);
        const blank: Uint8Array = new Uint8Array(kind.valueSize);
        const model = Array.from({ length: kind.maxEntries }, () =>
          Array.from({ length: CPUS }, () => blank),
        );
        for (const { at, seed, flags, cpu } of steps) {
          const value = patternOf(seed, kind.valueSize);
          const known = flags & ~4;
          let expected = 0;
          if (known < 0 || known > 2) expected = -Errno.EINVAL;
          else if (at >= kind.maxEntries) expected = -Errno.E2BIG;
          else if ((flags & 1) !== 0) expected = -Errno.EEXIST;
          else if ((flags & 4) !== 0) expected = -Errno.EINVAL;
          expect(map.update(index(at), value, flags, cpu)).toBe(expected);
          if (expected === 0) {
            if (perCpu) model[at]![cpu] = value;
            else model[at]!.fill(value);
          }
          expect(map.delete(index(at))).toBe(-Errno.EINVAL);
        }
        for (let at = 0; at <= kind.maxEntries; at++) {
          for (let cpu = 0; cpu < CPUS; cpu++) {
            expect(same(map.lookup(index(at), cpu), model[at]?.[cpu] ?? null)).toBe(true);
          }
        }
        expect(map.keys().length).toBe(kind.maxEntries);
      }),
      { numRuns: 150 },
    );
  });

  it("start over for an index outside, and end at the last one", () => {
    const map = new TestMap(attributes({ type: BpfMapType.ARRAY, maxEntries: 3 }));
    expect(map.nextKey(null)).toEqual(index(0));
    expect(map.nextKey(index(0))).toEqual(index(1));
    expect(map.nextKey(index(2))).toBe(-Errno.ENOENT);
    expect(map.nextKey(index(3))).toEqual(index(0));
    expect(map.nextKey(index(0xffff_ffff))).toEqual(index(0));
  });

  it("lie in one piece, page-aligned where they can be mapped", () => {
    const map = new TestMap(
      attributes({ type: BpfMapType.ARRAY, maxEntries: 5, valueSize: 12, flags: BpfMapFlag.MMAPABLE }),
    );
    expect(map.storage.values % 4096).toBe(0);
    expect(map.find(index(3))).toBe(map.storage.values + 3 * 16);
  });

  it("hold programs in slots of four bytes", () => {
    const map = new TestMap(attributes({ type: BpfMapType.PROG_ARRAY, valueSize: 4, maxEntries: 4 }));
    expect(map.storage.setSlot(2, 77)).toBe(true);
    expect(map.storage.setSlot(4, 77)).toBe(false);
    expect(map.storage.slot(2)).toBe(77);
    expect(map.storage.slot(9)).toBe(0);
    expect(map.update(index(1), Uint8Array.of(5, 0, 0, 0), 0)).toBe(0);
    expect(map.update(index(1), Uint8Array.of(5, 0, 0, 0), 2)).toBe(-Errno.EINVAL);
    expect(map.update(index(4), Uint8Array.of(5, 0, 0, 0), 0)).toBe(-Errno.E2BIG);
    expect(map.delete(index(1))).toBe(0);
    expect(map.delete(index(1))).toBe(-Errno.ENOENT);
    expect(map.delete(index(4))).toBe(-Errno.E2BIG);
    expect(map.storage.buckets()).toBe(0);
  });
});
