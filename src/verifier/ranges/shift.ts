import { type BoundsDraft, S32_MAX, S32_MIN } from "./bounds.ts";
import { updateBounds, updateBounds32 } from "./sync.ts";
import { tnumArshift, tnumArshift32, tnumLshift, tnumRshift, tnumSubreg } from "./tnum.ts";
import { unbound32, unbound64, unboundS64, unboundU64 } from "./truncate.ts";
import { below64 } from "./words.ts";

/** `shift` is less than 32 in functions that end in 32, else less than 64: others give an unknown result. */
export function shiftLeft32(d: BoundsDraft, shift: number): void {
  const subreg = tnumSubreg(d.tnum);
  rangesLeft32(d, shift);
  d.tnum = tnumSubreg(tnumLshift(subreg, shift));
  unbound64(d);
  updateBounds32(d);
}

/** `__scalar32_min_max_lsh` */
function rangesLeft32(d: BoundsDraft, shift: number): void {
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  if (shift > 31 || d.u32max > 2 ** (31 - shift)) {
    d.u32minWord = 0;
    d.u32maxWord = -1;
  } else {
    d.u32minWord <<= shift;
    d.u32maxWord <<= shift;
  }
}

/** `scalar_min_max_lsh` */
export function shiftLeft64(d: BoundsDraft, shift: number): void {
  unboundS64(d);
  // Half of the usual sign extension, <<= 32 and s>>= 32: the signed range of the low half keeps its order.
  if (shift === 32) {
    d.sminHi = d.s32min;
    d.sminLo = 0;
    d.smaxHi = d.s32max;
    d.smaxLo = 0;
  }
  const top = 63 - shift;
  const topHi = top >= 32 ? 1 << (top - 32) : 0;
  const topLo = top < 32 ? 1 << top : 0;
  if (below64(topHi, topLo, d.umaxHi, d.umaxLo)) {
    unboundU64(d);
  } else if (shift !== 0) {
    d.uminHi = leftHi(d.uminHi, d.uminLo, shift);
    d.uminLo = shift < 32 ? d.uminLo << shift : 0;
    d.umaxHi = leftHi(d.umaxHi, d.umaxLo, shift);
    d.umaxLo = shift < 32 ? d.umaxLo << shift : 0;
  }
  rangesLeft32(d, shift);
  d.tnum = tnumLshift(d.tnum, shift);
  updateBounds(d);
}

/** `scalar32_min_max_rsh`; the signed range comes from the unsigned one and from the bits. */
export function shiftRight32(d: BoundsDraft, shift: number): void {
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  d.tnum = tnumRshift(tnumSubreg(d.tnum), shift);
  d.u32minWord = (d.u32minWord >>> shift) | 0;
  d.u32maxWord = (d.u32maxWord >>> shift) | 0;
  unbound64(d);
  updateBounds32(d);
}

/** `scalar_min_max_rsh` */
export function shiftRight64(d: BoundsDraft, shift: number): void {
  unboundS64(d);
  d.tnum = tnumRshift(d.tnum, shift);
  if (shift !== 0) {
    d.uminLo = rightLo(d.uminHi, d.uminLo, shift);
    d.uminHi = shift < 32 ? (d.uminHi >>> shift) | 0 : 0;
    d.umaxLo = rightLo(d.umaxHi, d.umaxLo, shift);
    d.umaxHi = shift < 32 ? (d.umaxHi >>> shift) | 0 : 0;
  }
  unbound32(d);
  updateBounds(d);
}

/** `scalar32_min_max_arsh` */
export function shiftArithmetic32(d: BoundsDraft, shift: number): void {
  d.s32min >>= shift;
  d.s32max >>= shift;
  d.tnum = tnumArshift32(d.tnum, shift);
  d.u32minWord = 0;
  d.u32maxWord = -1;
  unbound64(d);
  updateBounds32(d);
}

/** `scalar_min_max_arsh` */
export function shiftArithmetic64(d: BoundsDraft, shift: number): void {
  if (shift !== 0) {
    d.sminLo = shift < 32 ? rightLo(d.sminHi, d.sminLo, shift) : d.sminHi >> (shift - 32);
    d.sminHi = shift < 32 ? d.sminHi >> shift : d.sminHi >> 31;
    d.smaxLo = shift < 32 ? rightLo(d.smaxHi, d.smaxLo, shift) : d.smaxHi >> (shift - 32);
    d.smaxHi = shift < 32 ? d.smaxHi >> shift : d.smaxHi >> 31;
  }
  d.tnum = tnumArshift(d.tnum, shift);
  unboundU64(d);
  unbound32(d);
  updateBounds(d);
}

/** High word of `value << shift`, 1 to 63. */
function leftHi(hi: number, lo: number, shift: number): number {
  return shift < 32 ? (hi << shift) | (lo >>> (32 - shift)) : lo << (shift - 32);
}

/** Low word of `value >>> shift`, 1 to 63. */
function rightLo(hi: number, lo: number, shift: number): number {
  return shift < 32 ? (lo >>> shift) | (hi << (32 - shift)) : (hi >>> (shift - 32)) | 0;
}
