/**
 * What is known of a 64-bit value: known bits (`struct tnum`: a bit set in `mask` is unknown, the others are as in
 * `value`) and four ranges. Immutable and shared: registers hold references to these, and replace them.
 *
 * For a scalar it is its value; for a pointer the variable part of its offset.
 */
export interface Bounds {
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

export const S64_MIN = -0x8000_0000_0000_0000n;
export const S64_MAX = 0x7fff_ffff_ffff_ffffn;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const S32_MIN = -0x8000_0000;
export const S32_MAX = 0x7fff_ffff;
export const U32_MAX = 0xffff_ffff;

/** Any value (`__mark_reg_unbounded` with `tnum_unknown`). */
export const UNKNOWN: Bounds = {
  value: 0n,
  mask: U64_MAX,
  smin: S64_MIN,
  smax: S64_MAX,
  umin: 0n,
  umax: U64_MAX,
  s32min: S32_MIN,
  s32max: S32_MAX,
  u32min: 0,
  u32max: U32_MAX,
};

function makeConstant(value: bigint): Bounds {
  const signed = BigInt.asIntN(64, value);
  const unsigned = BigInt.asUintN(64, value);
  const low = Number(BigInt.asUintN(32, value));
  return {
    value: unsigned,
    mask: 0n,
    smin: signed,
    smax: signed,
    umin: unsigned,
    umax: unsigned,
    s32min: low | 0,
    s32max: low | 0,
    u32min: low,
    u32max: low,
  };
}

const SMALL_FROM = -256;
const SMALL: readonly Bounds[] = Array.from({ length: 1280 }, (_, i) => makeConstant(BigInt(i + SMALL_FROM)));

export const ZERO: Bounds = SMALL[-SMALL_FROM]!;

/** Exactly this value, signed or unsigned (`___mark_reg_known`). */
export function constantBounds(value: bigint): Bounds {
  const signed = BigInt.asIntN(64, value);
  if (signed >= -256n && signed < 1024n) return SMALL[Number(signed) - SMALL_FROM]!;
  return makeConstant(value);
}

/** `tnum_is_const` */
export function isConstant(bounds: Bounds): boolean {
  return bounds.mask === 0n;
}

/** All fields equal: the `memcmp` of `struct bpf_reg_state` over them. */
export function sameBounds(a: Bounds, b: Bounds): boolean {
  return (
    a === b ||
    (a.value === b.value &&
      a.mask === b.mask &&
      a.smin === b.smin &&
      a.smax === b.smax &&
      a.umin === b.umin &&
      a.umax === b.umax &&
      a.s32min === b.s32min &&
      a.s32max === b.s32max &&
      a.u32min === b.u32min &&
      a.u32max === b.u32max)
  );
}
