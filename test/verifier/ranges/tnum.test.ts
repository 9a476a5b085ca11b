import { describe, expect, it } from "vitest";
import {
  type Tnum,
  tnumAdd,
  tnumAnd,
  tnumArshift,
  tnumBswap,
  tnumEquals,
  tnumIn,
  tnumIntersect,
  tnumLshift,
  tnumMul,
  tnumOf,
  tnumOr,
  tnumOverlap,
  tnumRange,
  tnumRshift,
  tnumStep,
  tnumSub,
  tnumXor,
} from "../../../src/verifier/ranges/tnum.ts";
import { highOf, lowOf, unsignedOf } from "../../../src/verifier/ranges/words.ts";
import { Bitwise } from "./model.ts";

/** All tnums of `bits` bits: three to the power of them. */
function all(bits: number): { value: number; mask: number; members: number[] }[] {
  const out = [];
  for (let mask = 0; mask < 1 << bits; mask++) {
    for (let value = 0; value < 1 << bits; value++) {
      if ((value & mask) !== 0) continue;
      const members = [];
      for (let x = 0; x < 1 << bits; x++) if ((x & ~mask) === value) members.push(x);
      out.push({ value, mask, members });
    }
  }
  return out;
}

const SMALL = all(4);
/** In the low half, over the boundary of the halves, and at the top. */
const PLACES = [0, 29, 60];

function placed({ value, mask }: { value: number; mask: number }, place: number): Tnum {
  return tnumOf(BigInt(value) << BigInt(place), BigInt(mask) << BigInt(place));
}

/** The most that can be said of some numbers. */
function best(numbers: Iterable<bigint>): Tnum {
  let ones = -1n;
  let any = 0n;
  for (const x of numbers) {
    ones &= x;
    any |= x;
  }
  return tnumOf(ones, any & ~ones);
}

function results(
  a: number[],
  b: number[],
  place: number,
  compute: (x: bigint, y: bigint) => bigint,
): bigint[] {
  const shift = BigInt(place);
  return a.flatMap((x) => b.map((y) => BigInt.asUintN(64, compute(BigInt(x) << shift, BigInt(y) << shift))));
}

describe("known bits of two operands", () => {
  for (const [name, abstract, concrete] of [
    ["add", tnumAdd, (x: bigint, y: bigint) => x + y],
    ["sub", tnumSub, (x: bigint, y: bigint) => x - y],
    ["and", tnumAnd, (x: bigint, y: bigint) => x & y],
    ["or", tnumOr, (x: bigint, y: bigint) => x | y],
    ["xor", tnumXor, (x: bigint, y: bigint) => x ^ y],
  ] as const) {
    it(`of ${name} are all that can be known`, () => {
      for (const place of PLACES) {
        for (const a of SMALL) {
          for (const b of SMALL) {
            const got = abstract(placed(a, place), placed(b, place));
            const wanted = best(results(a.members, b.members, place, concrete));
            if (!tnumEquals(got, wanted)) expect({ a, b, place, got }).toEqual({ a, b, place, got: wanted });
          }
        }
      }
    });
  }

  it("of a product are right, and those of the kernel's algorithm", () => {
    let exact = 0;
    for (const place of [0, 29]) {
      for (const a of SMALL) {
        for (const b of SMALL) {
          const got = tnumMul(placed(a, place), placed(b, place));
          const wanted = best(results(a.members, b.members, place, (x, y) => x * y));
          if (!tnumIn(got, wanted)) expect({ a, b, place, got }).toEqual({ a, b, place, got: wanted });
          if (tnumEquals(got, wanted)) exact++;
          const model = Bitwise.mul(placed(a, place), placed(b, place));
          if (got.value !== model.value || got.mask !== model.mask) {
            expect({ a, b, place, got: { value: got.value, mask: got.mask } }).toEqual({
              a,
              b,
              place,
              got: model,
            });
          }
        }
      }
    }
    // Of 13,122 pairs; the algorithm of the paper reaches fewer.
    expect(exact).toBeGreaterThan(0.9 * 2 * SMALL.length ** 2);
  });

  it("of six bits never exclude a result", () => {
    const six = all(6);
    for (let i = 0; i < six.length; i += 7) {
      for (let j = 0; j < six.length; j += 11) {
        const a = six[i]!;
        const b = six[j]!;
        for (const [abstract, concrete] of [
          [tnumAdd, (x: bigint, y: bigint) => x + y],
          [tnumSub, (x: bigint, y: bigint) => x - y],
          [tnumMul, (x: bigint, y: bigint) => x * y],
        ] as const) {
          const got = abstract(placed(a, 0), placed(b, 0));
          const wanted = best(results(a.members, b.members, 0, concrete));
          if (!tnumIn(got, wanted)) expect({ a, b, got }).toEqual({ a, b, got: wanted });
        }
      }
    }
  });
});

describe("sets of numbers", () => {
  it("meet, join and contain as their members do", () => {
    for (const place of PLACES) {
      const at = (x: number): bigint => BigInt(x) << BigInt(place);
      for (const a of SMALL) {
        const members = new Set(a.members);
        for (const b of SMALL) {
          const [ta, tb] = [placed(a, place), placed(b, place)];
          const common = b.members.filter((x) => members.has(x));
          const right =
            tnumOverlap(ta, tb) === common.length > 0 &&
            tnumIn(ta, tb) === (common.length === b.members.length) &&
            (common.length === 0 || tnumEquals(tnumIntersect(ta, tb), best(common.map(at))));
          if (!right) expect.fail(`${a.value}/${a.mask} and ${b.value}/${b.mask} at bit ${place}`);
        }
      }
    }
  });

  it("of all numbers between two have the bits of both in common", () => {
    for (const base of [0n, (1n << 32n) - 20n, (1n << 63n) - 20n]) {
      for (let from = 0; from < 40; from++) {
        const numbers = [];
        for (let to = from; to < 40; to++) {
          const [x, y] = [base + BigInt(from), base + BigInt(to)];
          numbers.push(y);
          expect(tnumEquals(tnumRange(highOf(x), lowOf(x), highOf(y), lowOf(y)), best(numbers))).toBe(true);
        }
      }
    }
  });

  it("are stepped through in order", () => {
    for (const place of PLACES) {
      for (const a of SMALL) {
        const members = a.members.map((x) => BigInt(x) << BigInt(place));
        for (let i = 0; i < 20; i++) {
          const x = BigInt.asUintN(64, (BigInt(i) << BigInt(place)) - (i % 3 === 0 ? 1n : 0n));
          const { hi, lo } = tnumStep(placed(a, place), highOf(x), lowOf(x));
          const wanted = members.find((member) => member > x) ?? members.at(-1)!;
          if (unsignedOf(hi, lo) !== wanted) expect.fail(`${a.value}/${a.mask} at bit ${place} above ${x}`);
        }
      }
    }
  });
});

describe("bytes", () => {
  it("of value and mask change places", () => {
    const a = tnumOf(0x0102_0304_0506_0708n, 0x1000_0000_0000_8010n);
    expect(tnumBswap(a, 64)).toEqual(tnumOf(0x0807_0605_0403_0201n, 0x1080_0000_0000_0010n));
    expect(tnumBswap(a, 32)).toEqual(tnumOf(0x0807_0605n, 0x1080_0000n));
    expect(tnumBswap(a, 16)).toEqual(tnumOf(0x0807n, 0x1080n));
  });
});

describe("shifts", () => {
  it("move value and mask by every distance", () => {
    const a = tnumOf(0x8421_0f00_c300_1248n, 0x4010_6000_3c81_8481n);
    for (let n = 0; n < 64; n++) {
      const by = BigInt(n);
      expect(tnumLshift(a, n)).toEqual(tnumOf(a.value << by, a.mask << by));
      expect(tnumRshift(a, n)).toEqual(tnumOf(a.value >> by, a.mask >> by));
      const [value, mask] = [BigInt.asIntN(64, a.value) >> by, BigInt.asIntN(64, a.mask) >> by];
      expect(tnumArshift(a, n)).toEqual(tnumOf(value, mask));
    }
  });
});
