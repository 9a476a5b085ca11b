import {
  below64,
  bitLength,
  borrowOf,
  carryOf,
  highOf,
  lowOf,
  onesBelow,
  unsignedOf,
  type Words,
} from "./words.ts";

/**
 * A 64-bit number of which some bits are known (`struct tnum`). A bit that is set in the mask is unknown, and 0 in the
 * value; the others are as in the value. Immutable.
 *
 * The operations give exactly what Linux's do (kernel/bpf/tnum.c, proofs in "Sound, Precise, and Fast Abstract
 * Interpretation with Tristate Numbers", Vishwanathan et al., 2022).
 */
export class Tnum {
  readonly valueHi: number;
  readonly valueLo: number;
  readonly maskHi: number;
  readonly maskLo: number;

  /** Words are signed 32-bit integers. */
  constructor(valueHi: number, valueLo: number, maskHi: number, maskLo: number) {
    this.valueHi = valueHi;
    this.valueLo = valueLo;
    this.maskHi = maskHi;
    this.maskLo = maskLo;
  }

  /** Known bits, unsigned. */
  get value(): bigint {
    return unsignedOf(this.valueHi, this.valueLo);
  }

  /** Unknown bits, unsigned. */
  get mask(): bigint {
    return unsignedOf(this.maskHi, this.maskLo);
  }
}

export const TNUM_UNKNOWN: Tnum = new Tnum(0, 0, -1, -1);
export const TNUM_ZERO: Tnum = new Tnum(0, 0, 0, 0);
/** The low 32 bits unknown, the others 0. */
export const TNUM_U32: Tnum = new Tnum(0, 0, 0, -1);

/** From known and unknown bits, of which only the low 64 count. */
export function tnumOf(value: bigint, mask: bigint): Tnum {
  return new Tnum(highOf(value), lowOf(value), highOf(mask), lowOf(mask));
}

export function tnumConst(hi: number, lo: number): Tnum {
  return new Tnum(hi, lo, 0, 0);
}

export function tnumIsConst(a: Tnum): boolean {
  return (a.maskHi | a.maskLo) === 0;
}

/** `tnum_subreg_is_const`: the low 32 bits are known. */
export function tnumSubregIsConst(a: Tnum): boolean {
  return a.maskLo === 0;
}

export function tnumEquals(a: Tnum, b: Tnum): boolean {
  return (
    a === b ||
    (a.valueLo === b.valueLo && a.maskLo === b.maskLo && a.valueHi === b.valueHi && a.maskHi === b.maskHi)
  );
}

/** The bits that all of the unsigned numbers from `min` to `max` have in common. */
export function tnumRange(minHi: number, minLo: number, maxHi: number, maxLo: number): Tnum {
  const differHi = minHi ^ maxHi;
  const unknownHi = onesBelow(differHi);
  const unknownLo = differHi !== 0 ? -1 : onesBelow(minLo ^ maxLo);
  return new Tnum(minHi & ~unknownHi, minLo & ~unknownLo, unknownHi, unknownLo);
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const maskLo = (a.maskLo + b.maskLo) | 0;
  const maskHi = (a.maskHi + b.maskHi + carryOf(a.maskLo, maskLo)) | 0;
  const valueLo = (a.valueLo + b.valueLo) | 0;
  const valueHi = (a.valueHi + b.valueHi + carryOf(a.valueLo, valueLo)) | 0;
  const sumLo = (maskLo + valueLo) | 0;
  const sumHi = (maskHi + valueHi + carryOf(maskLo, sumLo)) | 0;
  const unknownLo = (sumLo ^ valueLo) | a.maskLo | b.maskLo;
  const unknownHi = (sumHi ^ valueHi) | a.maskHi | b.maskHi;
  return new Tnum(valueHi & ~unknownHi, valueLo & ~unknownLo, unknownHi, unknownLo);
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const valueLo = (a.valueLo - b.valueLo) | 0;
  const valueHi = (a.valueHi - b.valueHi - borrowOf(a.valueLo, b.valueLo)) | 0;
  const highestLo = (valueLo + a.maskLo) | 0;
  const highestHi = (valueHi + a.maskHi + carryOf(valueLo, highestLo)) | 0;
  const lowestLo = (valueLo - b.maskLo) | 0;
  const lowestHi = (valueHi - b.maskHi - borrowOf(valueLo, b.maskLo)) | 0;
  const unknownLo = (highestLo ^ lowestLo) | a.maskLo | b.maskLo;
  const unknownHi = (highestHi ^ lowestHi) | a.maskHi | b.maskHi;
  return new Tnum(valueHi & ~unknownHi, valueLo & ~unknownLo, unknownHi, unknownLo);
}

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const valueHi = a.valueHi & b.valueHi;
  const valueLo = a.valueLo & b.valueLo;
  return new Tnum(
    valueHi,
    valueLo,
    (a.valueHi | a.maskHi) & (b.valueHi | b.maskHi) & ~valueHi,
    (a.valueLo | a.maskLo) & (b.valueLo | b.maskLo) & ~valueLo,
  );
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const valueHi = a.valueHi | b.valueHi;
  const valueLo = a.valueLo | b.valueLo;
  return new Tnum(valueHi, valueLo, (a.maskHi | b.maskHi) & ~valueHi, (a.maskLo | b.maskLo) & ~valueLo);
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const maskHi = a.maskHi | b.maskHi;
  const maskLo = a.maskLo | b.maskLo;
  return new Tnum((a.valueHi ^ b.valueHi) & ~maskHi, (a.valueLo ^ b.valueLo) & ~maskLo, maskHi, maskLo);
}

/**
 * Adds `b`, shifted, for each bit of `a` that is 1, and the union of both cases for each that is unknown: the
 * algorithm of Linux 6.18, more precise than that of the paper.
 */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  if ((a.maskHi & a.maskLo) === -1) return tnumMultiples(b);
  let valueHi = 0;
  let valueLo = 0;
  let maskHi = 0;
  let maskLo = 0;
  let bValueHi = b.valueHi;
  let bValueLo = b.valueLo;
  let bMaskHi = b.maskHi;
  let bMaskLo = b.maskLo;
  const bits = bitLength(a.valueHi | a.maskHi, a.valueLo | a.maskLo);
  for (let i = 0; i < bits; i++) {
    const isOne = (((i < 32 ? a.valueLo : a.valueHi) >>> (i & 31)) & 1) !== 0;
    if (isOne || (((i < 32 ? a.maskLo : a.maskHi) >>> (i & 31)) & 1) !== 0) {
      // The sum of both, as in tnumAdd.
      const sumLo = (valueLo + bValueLo) | 0;
      const sumHi = (valueHi + bValueHi + carryOf(valueLo, sumLo)) | 0;
      const masksLo = (maskLo + bMaskLo) | 0;
      const masksHi = (maskHi + bMaskHi + carryOf(maskLo, masksLo)) | 0;
      const allLo = (sumLo + masksLo) | 0;
      const allHi = (sumHi + masksHi + carryOf(sumLo, allLo)) | 0;
      const unknownLo = (allLo ^ sumLo) | maskLo | bMaskLo;
      const unknownHi = (allHi ^ sumHi) | maskHi | bMaskHi;
      // A bit of `a` that may be 0 leaves what was there possible: the union.
      maskLo = isOne ? unknownLo : unknownLo | ((sumLo & ~unknownLo) ^ valueLo);
      maskHi = isOne ? unknownHi : unknownHi | ((sumHi & ~unknownHi) ^ valueHi);
      valueLo = sumLo & ~maskLo;
      valueHi = sumHi & ~maskHi;
    }
    bValueHi = (bValueHi << 1) | (bValueLo >>> 31);
    bValueLo <<= 1;
    bMaskHi = (bMaskHi << 1) | (bMaskLo >>> 31);
    bMaskLo <<= 1;
  }
  return new Tnum(valueHi, valueLo, maskHi, maskLo);
}

/** Any number times `b`: only the zeros at the end of `b` are known. */
function tnumMultiples(b: Tnum): Tnum {
  const anyHi = b.valueHi | b.maskHi;
  const anyLo = b.valueLo | b.maskLo;
  // All bits from the lowest set one up.
  if (anyLo !== 0) return new Tnum(0, 0, -1, anyLo | -anyLo);
  return new Tnum(0, 0, anyHi | -anyHi, 0);
}

/** `shift` from 0 to 63, as in all shifts here. */
export function tnumLshift(a: Tnum, shift: number): Tnum {
  if (shift === 0) return a;
  if (shift >= 32) return new Tnum(a.valueLo << (shift - 32), 0, a.maskLo << (shift - 32), 0);
  const down = 32 - shift;
  return new Tnum(
    (a.valueHi << shift) | (a.valueLo >>> down),
    a.valueLo << shift,
    (a.maskHi << shift) | (a.maskLo >>> down),
    a.maskLo << shift,
  );
}

export function tnumRshift(a: Tnum, shift: number): Tnum {
  if (shift === 0) return a;
  if (shift >= 32) return new Tnum(0, (a.valueHi >>> (shift - 32)) | 0, 0, (a.maskHi >>> (shift - 32)) | 0);
  const up = 32 - shift;
  return new Tnum(
    (a.valueHi >>> shift) | 0,
    (a.valueLo >>> shift) | (a.valueHi << up),
    (a.maskHi >>> shift) | 0,
    (a.maskLo >>> shift) | (a.maskHi << up),
  );
}

/** Value and mask both keep their sign: an unknown sign stays unknown. */
export function tnumArshift(a: Tnum, shift: number): Tnum {
  if (shift === 0) return a;
  if (shift >= 32) {
    const by = shift - 32;
    return new Tnum(a.valueHi >> 31, a.valueHi >> by, a.maskHi >> 31, a.maskHi >> by);
  }
  const up = 32 - shift;
  return new Tnum(
    a.valueHi >> shift,
    (a.valueLo >>> shift) | (a.valueHi << up),
    a.maskHi >> shift,
    (a.maskLo >>> shift) | (a.maskHi << up),
  );
}

/** The 32-bit shift; the upper half of the result is 0. */
export function tnumArshift32(a: Tnum, shift: number): Tnum {
  return new Tnum(0, a.valueLo >> shift, 0, a.maskLo >> shift);
}

/** What both know. Where they contradict each other, the bit is 1. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const maskHi = a.maskHi & b.maskHi;
  const maskLo = a.maskLo & b.maskLo;
  return new Tnum((a.valueHi | b.valueHi) & ~maskHi, (a.valueLo | b.valueLo) & ~maskLo, maskHi, maskLo);
}

/** Whether some number is both: no bit is known to differ. */
export function tnumOverlap(a: Tnum, b: Tnum): boolean {
  return (
    ((a.valueHi ^ b.valueHi) & ~a.maskHi & ~b.maskHi) === 0 &&
    ((a.valueLo ^ b.valueLo) & ~a.maskLo & ~b.maskLo) === 0
  );
}

/** Whether all that `b` may be, `a` may be. */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  return (
    (b.maskHi & ~a.maskHi) === 0 &&
    (b.maskLo & ~a.maskLo) === 0 &&
    a.valueHi === (b.valueHi & ~a.maskHi) &&
    a.valueLo === (b.valueLo & ~a.maskLo)
  );
}

/** The low `size` bytes (1, 2, 4 or 8), the others 0. */
export function tnumCast(a: Tnum, size: number): Tnum {
  if (size === 8) return a;
  if (size === 4) return tnumSubreg(a);
  const keep = (1 << (size * 8)) - 1;
  return new Tnum(0, a.valueLo & keep, 0, a.maskLo & keep);
}

function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** The low 16, 32 or 64 bits with their bytes in the opposite order, the others 0. */
export function tnumBswap(a: Tnum, bits: number): Tnum {
  const valueLo = swapBytes(a.valueLo);
  const maskLo = swapBytes(a.maskLo);
  if (bits === 16) return new Tnum(0, valueLo >>> 16, 0, maskLo >>> 16);
  if (bits === 32) return new Tnum(0, valueLo, 0, maskLo);
  return new Tnum(valueLo, swapBytes(a.valueHi), maskLo, swapBytes(a.maskHi));
}

/** The low 32 bits. */
export function tnumSubreg(a: Tnum): Tnum {
  return (a.valueHi | a.maskHi) === 0 ? a : new Tnum(0, a.valueLo, 0, a.maskLo);
}

/** `a` with the low 32 bits of `subreg`. */
export function tnumWithSubreg(a: Tnum, subreg: Tnum): Tnum {
  return new Tnum(a.valueHi, subreg.valueLo, a.maskHi, subreg.maskLo);
}

/** The smallest member that is larger than a number; the largest, where none is (`tnum_step`). */
export function tnumStep({ valueHi, valueLo, maskHi, maskLo }: Tnum, hi: number, lo: number): Words {
  const maxHi = valueHi | maskHi;
  const maxLo = valueLo | maskLo;
  if (!below64(hi, lo, maxHi, maxLo)) return { hi: maxHi, lo: maxLo };
  if (below64(hi, lo, valueHi, valueLo)) return { hi: valueHi, lo: valueLo };
  // Which unknown bits must be set, to come to more than this distance from the smallest member.
  const distanceLo = (lo - valueLo) | 0;
  const distanceHi = (hi - valueHi - borrowOf(lo, valueLo)) | 0;
  // A known bit in it cannot be met: all below it are used up. One more then carries through known bits.
  const knownHi = distanceHi & ~maskHi;
  const filledHi = distanceHi | onesBelow(knownHi) | ~maskHi;
  const filledLo = distanceLo | (knownHi !== 0 ? -1 : onesBelow(distanceLo & ~maskLo)) | ~maskLo;
  const nextLo = (filledLo + 1) | 0;
  const nextHi = (filledHi + (nextLo === 0 ? 1 : 0)) | 0;
  return { hi: valueHi | (nextHi & maskHi), lo: valueLo | (nextLo & maskLo) };
}
