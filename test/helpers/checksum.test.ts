import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HelperBench } from "./support.ts";

const bench = new HelperBench();
const CSUM_DIFF = 28;
const words = fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 20 }).map((parts) => {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
});

/** The sum of little-endian 16-bit words modulo 2^16 - 1: what a ones' complement sum is. */
function residue(bytes: Uint8Array): bigint {
  let sum = 0n;
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt(bytes[i]! | (bytes[i + 1]! << 8));
  return sum;
}

describe("bpf_csum_diff", () => {
  it("is the difference of two ones' complement sums", () => {
    fc.assert(
      fc.property(words, words, fc.nat(0xffff_ffff), (from, to, seed) => {
        const got = bench.invoke(CSUM_DIFF, bench.put(from), from.length, bench.put(to), to.length, seed);
        expect(got).toBeGreaterThanOrEqual(0);
        expect(got).toBeLessThanOrEqual(0xffff);
        const expected = (((BigInt(seed) + residue(to) - residue(from)) % 65535n) + 65535n) % 65535n;
        expect(BigInt(got) % 65535n).toBe(expected);
      }),
    );
  });

  it("gives 0 only where every word is 0", () => {
    const zero = bench.put(new Uint8Array(8));
    expect(bench.invoke(CSUM_DIFF, 0, 0, zero, 8, 0)).toBe(0);
    const ones = bench.put(new Uint8Array(8).fill(0xff));
    expect(bench.invoke(CSUM_DIFF, 0, 0, ones, 8, 0)).toBe(0xffff);
    expect(bench.invoke(CSUM_DIFF, 0, 0, 0, 0, 0xffff_ffff)).toBe(0xffff);
  });

  it("counts the bytes of an odd block as the low ones of a word", () => {
    expect(bench.invoke(CSUM_DIFF, 0, 0, bench.put(Uint8Array.of(1, 2, 3)), 3, 0)).toBe(0x204);
    expect(bench.invoke(CSUM_DIFF, 0, 0, bench.put(Uint8Array.of(1, 2, 3, 4, 5)), 5, 0)).toBe(0x609);
    expect(bench.invoke(CSUM_DIFF, 0, 0, bench.put(Uint8Array.of(1, 2, 3, 4, 5, 6)), 6, 0)).toBe(0xc09);
  });
});
