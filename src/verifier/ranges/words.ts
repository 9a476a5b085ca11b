/**
 * 64-bit integers as two signed 32-bit words, so that ranges are computed without allocating: V8 keeps such words
 * unboxed, and each `bigint` operation on the same value makes an object.
 */

/** A 64-bit value, where a function gives one back. */
export interface Words {
  readonly hi: number;
  readonly lo: number;
}

/** `a < b`, unsigned words. */
export function below32(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

/** `a < b`, unsigned. */
export function below64(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}

/** `a < b`, signed. */
export function less64(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi < bHi;
}

/** 1 where the sum of the unsigned words `a` and `b`, whose low 32 bits are `sum`, does not fit. */
export function carryOf(a: number, sum: number): number {
  return sum >>> 0 < a >>> 0 ? 1 : 0;
}

/** 1 where the unsigned difference `a - b` is below zero. */
export function borrowOf(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? 1 : 0;
}

/** All bits from the highest set one of `word` down. */
export function onesBelow(word: number): number {
  return word === 0 ? 0 : (-1 >>> Math.clz32(word)) | 0;
}

/** Number of significant bits (`fls64`). */
export function bitLength(hi: number, lo: number): number {
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(lo);
}

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The words as an unsigned value. */
export function unsignedOf(hi: number, lo: number): bigint {
  if (hi === 0) return BigInt(lo >>> 0);
  if (hi === -1 && lo === -1) return U64_MAX;
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** The words as a signed value. */
export function signedOf(hi: number, lo: number): bigint {
  if (hi === lo >> 31) return BigInt(lo);
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}

export function lowOf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

export function highOf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}
