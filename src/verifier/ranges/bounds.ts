import { TNUM_UNKNOWN, TNUM_ZERO, type Tnum, tnumConst, tnumEquals, tnumIsConst, tnumOf } from "./tnum.ts";
import { highOf, lowOf, signedOf, unsignedOf } from "./words.ts";

export const S64_MIN = -0x8000_0000_0000_0000n;
export const S64_MAX = 0x7fff_ffff_ffff_ffffn;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const S32_MIN = -0x8000_0000;
export const S32_MAX = 0x7fff_ffff;
export const U32_MAX = 0xffff_ffff;

/** What {@link Bounds} tell, as plain numbers: the form in which others than `ranges` read and change them. */
export interface BoundsFields {
  /** Known bits, unsigned; 0 where `mask` has a bit. */
  readonly value: bigint;
  /** Unknown bits, unsigned. */
  readonly mask: bigint;
  /** Signed 64-bit range. */
  readonly smin: bigint;
  readonly smax: bigint;
  /** Unsigned 64-bit range. */
  readonly umin: bigint;
  readonly umax: bigint;
  /** Signed range of the low 32 bits. */
  readonly s32min: number;
  readonly s32max: number;
  /** Unsigned range of the low 32 bits. */
  readonly u32min: number;
  readonly u32max: number;
}

/**
 * {@link Bounds} in the making: only functions of `ranges` change them, before anyone else sees them.
 *
 * Every 64-bit limit is a pair of signed 32-bit words, and unsigned 32-bit limits are kept as signed words too, so
 * that all fields are small integers to V8.
 */
export class BoundsDraft implements BoundsFields {
  tnum: Tnum = TNUM_UNKNOWN;
  sminHi = S32_MIN;
  sminLo = 0;
  smaxHi = S32_MAX;
  smaxLo = -1;
  uminHi = 0;
  uminLo = 0;
  umaxHi = -1;
  umaxLo = -1;
  s32min = S32_MIN;
  s32max = S32_MAX;
  /** `u32min` and `u32max`, as signed words. */
  u32minWord = 0;
  u32maxWord = -1;

  get value(): bigint {
    return this.tnum.value;
  }

  get mask(): bigint {
    return this.tnum.mask;
  }

  get smin(): bigint {
    return signedOf(this.sminHi, this.sminLo);
  }

  get smax(): bigint {
    return signedOf(this.smaxHi, this.smaxLo);
  }

  get umin(): bigint {
    return unsignedOf(this.uminHi, this.uminLo);
  }

  get umax(): bigint {
    return unsignedOf(this.umaxHi, this.umaxLo);
  }

  get u32min(): number {
    return this.u32minWord >>> 0;
  }

  get u32max(): number {
    return this.u32maxWord >>> 0;
  }
}

/**
 * What is known of a 64-bit value: known bits (`struct tnum`: a bit set in `mask` is unknown, the others are as in
 * `value`) and four ranges. Immutable and shared: registers hold references to these, and replace them.
 *
 * For a scalar it is its value; for a pointer the variable part of its offset.
 */
export type Bounds = Readonly<BoundsDraft>;

/** Any value (`__mark_reg_unbounded` with `tnum_unknown`). */
export const UNKNOWN: Bounds = new BoundsDraft();

export function draftOf(bounds: Bounds): BoundsDraft {
  const draft = new BoundsDraft();
  draft.tnum = bounds.tnum;
  draft.sminHi = bounds.sminHi;
  draft.sminLo = bounds.sminLo;
  draft.smaxHi = bounds.smaxHi;
  draft.smaxLo = bounds.smaxLo;
  draft.uminHi = bounds.uminHi;
  draft.uminLo = bounds.uminLo;
  draft.umaxHi = bounds.umaxHi;
  draft.umaxLo = bounds.umaxLo;
  draft.s32min = bounds.s32min;
  draft.s32max = bounds.s32max;
  draft.u32minWord = bounds.u32minWord;
  draft.u32maxWord = bounds.u32maxWord;
  return draft;
}

/** `bounds` with some limits or bits replaced, and nothing deduced from them (that is `regBoundsSync`). */
export function withBounds(bounds: Bounds, fields: Partial<BoundsFields>): Bounds {
  const draft = draftOf(bounds);
  const { value, mask, smin, smax, umin, umax, s32min, s32max, u32min, u32max } = fields;
  if (value !== undefined || mask !== undefined) {
    draft.tnum = tnumOf(value ?? bounds.tnum.value, mask ?? bounds.tnum.mask);
  }
  if (smin !== undefined) {
    draft.sminHi = highOf(smin);
    draft.sminLo = lowOf(smin);
  }
  if (smax !== undefined) {
    draft.smaxHi = highOf(smax);
    draft.smaxLo = lowOf(smax);
  }
  if (umin !== undefined) {
    draft.uminHi = highOf(umin);
    draft.uminLo = lowOf(umin);
  }
  if (umax !== undefined) {
    draft.umaxHi = highOf(umax);
    draft.umaxLo = lowOf(umax);
  }
  if (s32min !== undefined) draft.s32min = s32min | 0;
  if (s32max !== undefined) draft.s32max = s32max | 0;
  if (u32min !== undefined) draft.u32minWord = u32min | 0;
  if (u32max !== undefined) draft.u32maxWord = u32max | 0;
  return draft;
}

function makeConstant(hi: number, lo: number): Bounds {
  const draft = new BoundsDraft();
  draft.tnum = (hi | lo) === 0 ? TNUM_ZERO : tnumConst(hi, lo);
  draft.sminHi = draft.smaxHi = draft.uminHi = draft.umaxHi = hi;
  draft.sminLo = draft.smaxLo = draft.uminLo = draft.umaxLo = lo;
  draft.s32min = draft.s32max = draft.u32minWord = draft.u32maxWord = lo;
  return draft;
}

const SMALL_FROM = -256;
const SMALL_END = 1024;
const SMALL: readonly Bounds[] = Array.from({ length: SMALL_END - SMALL_FROM }, (_, i) => {
  const value = i + SMALL_FROM;
  return makeConstant(value >> 31, value);
});

export const ZERO: Bounds = SMALL[-SMALL_FROM]!;

/** Exactly the value with these words. */
export function constantOfWords(hi: number, lo: number): Bounds {
  if (lo >= SMALL_FROM && lo < SMALL_END && hi === lo >> 31) return SMALL[lo - SMALL_FROM]!;
  return makeConstant(hi, lo);
}

/** Exactly this value, signed or unsigned (`___mark_reg_known`). */
export function constantBounds(value: bigint): Bounds {
  return constantOfWords(highOf(value), lowOf(value));
}

/** `tnum_is_const` */
export function isConstant(bounds: Bounds): boolean {
  return tnumIsConst(bounds.tnum);
}

/** Known bits and the signed range say 0: a pointer without a variable offset. */
export function isZeroOffset(bounds: Bounds): boolean {
  const { tnum } = bounds;
  return (
    (tnum.valueHi | tnum.valueLo | tnum.maskHi | tnum.maskLo) === 0 &&
    (bounds.sminHi | bounds.sminLo | bounds.smaxHi | bounds.smaxLo) === 0
  );
}

/** Known bits and all ranges say one value, and the same. */
export function isExact(bounds: Bounds): boolean {
  const { tnum } = bounds;
  const hi = tnum.valueHi;
  const lo = tnum.valueLo;
  return (
    (tnum.maskHi | tnum.maskLo) === 0 &&
    bounds.uminLo === lo &&
    bounds.umaxLo === lo &&
    bounds.uminHi === hi &&
    bounds.umaxHi === hi &&
    bounds.sminLo === lo &&
    bounds.smaxLo === lo &&
    bounds.sminHi === hi &&
    bounds.smaxHi === hi &&
    bounds.s32min === lo &&
    bounds.s32max === lo &&
    bounds.u32minWord === lo &&
    bounds.u32maxWord === lo
  );
}

/** All fields equal: the `memcmp` of `struct bpf_reg_state` over them. */
export function sameBounds(a: Bounds, b: Bounds): boolean {
  return (
    a === b ||
    (tnumEquals(a.tnum, b.tnum) &&
      a.sminLo === b.sminLo &&
      a.sminHi === b.sminHi &&
      a.smaxLo === b.smaxLo &&
      a.smaxHi === b.smaxHi &&
      a.uminLo === b.uminLo &&
      a.uminHi === b.uminHi &&
      a.umaxLo === b.umaxLo &&
      a.umaxHi === b.umaxHi &&
      a.s32min === b.s32min &&
      a.s32max === b.s32max &&
      a.u32minWord === b.u32minWord &&
      a.u32maxWord === b.u32maxWord)
  );
}
