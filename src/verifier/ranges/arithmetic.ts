import {
  type Bounds,
  type BoundsDraft,
  S32_MAX,
  S32_MIN,
  S64_MAX,
  S64_MIN,
  U32_MAX,
  U64_MAX,
} from "./bounds.ts";
import { tnumAdd, tnumMul, tnumSub } from "./tnum.ts";
import { unboundS64, unboundU64 } from "./truncate.ts";
import { borrowOf, carryOf, highOf, lowOf } from "./words.ts";

/** The result does not fit 32 signed bits. */
function overflowsS32(value: number): boolean {
  return value < S32_MIN || value > S32_MAX;
}

/** `scalar32_min_max_add` */
function add32(d: BoundsDraft, src: Bounds): void {
  const smin = d.s32min + src.s32min;
  const smax = d.s32max + src.s32max;
  const unknown = overflowsS32(smin) || overflowsS32(smax);
  d.s32min = unknown ? S32_MIN : smin;
  d.s32max = unknown ? S32_MAX : smax;
  const umin = d.u32min + src.u32min;
  const umax = d.u32max + src.u32max;
  // Where both ends wrap around, the range is one again.
  if (umin <= U32_MAX && umax > U32_MAX) {
    d.u32minWord = 0;
    d.u32maxWord = -1;
  } else {
    d.u32minWord = umin | 0;
    d.u32maxWord = umax | 0;
  }
}

/** `scalar_min_max_add` */
function add64(d: BoundsDraft, src: Bounds): void {
  const sminLo = (d.sminLo + src.sminLo) | 0;
  const sminHi = (d.sminHi + src.sminHi + carryOf(d.sminLo, sminLo)) | 0;
  const smaxLo = (d.smaxLo + src.smaxLo) | 0;
  const smaxHi = (d.smaxHi + src.smaxHi + carryOf(d.smaxLo, smaxLo)) | 0;
  const minOverflow = (d.sminHi ^ sminHi) & (src.sminHi ^ sminHi);
  const maxOverflow = (d.smaxHi ^ smaxHi) & (src.smaxHi ^ smaxHi);
  if ((minOverflow | maxOverflow) < 0) {
    unboundS64(d);
  } else {
    d.sminHi = sminHi;
    d.sminLo = sminLo;
    d.smaxHi = smaxHi;
    d.smaxLo = smaxLo;
  }
  const uminLo = (d.uminLo + src.uminLo) | 0;
  const uminHi = (d.uminHi >>> 0) + (src.uminHi >>> 0) + carryOf(d.uminLo, uminLo);
  const umaxLo = (d.umaxLo + src.umaxLo) | 0;
  const umaxHi = (d.umaxHi >>> 0) + (src.umaxHi >>> 0) + carryOf(d.umaxLo, umaxLo);
  if (uminHi <= U32_MAX && umaxHi > U32_MAX) {
    unboundU64(d);
  } else {
    d.uminHi = uminHi | 0;
    d.uminLo = uminLo;
    d.umaxHi = umaxHi | 0;
    d.umaxLo = umaxLo;
  }
}

/** `scalar32_min_max_sub` */
function sub32(d: BoundsDraft, src: Bounds): void {
  const smin = d.s32min - src.s32max;
  const smax = d.s32max - src.s32min;
  const unknown = overflowsS32(smin) || overflowsS32(smax);
  d.s32min = unknown ? S32_MIN : smin;
  d.s32max = unknown ? S32_MAX : smax;
  const umin = d.u32min - src.u32max;
  const umax = d.u32max - src.u32min;
  if (umin < 0 && umax >= 0) {
    d.u32minWord = 0;
    d.u32maxWord = -1;
  } else {
    d.u32minWord = umin | 0;
    d.u32maxWord = umax | 0;
  }
}

/** `scalar_min_max_sub` */
function sub64(d: BoundsDraft, src: Bounds): void {
  const sminLo = (d.sminLo - src.smaxLo) | 0;
  const sminHi = (d.sminHi - src.smaxHi - borrowOf(d.sminLo, src.smaxLo)) | 0;
  const smaxLo = (d.smaxLo - src.sminLo) | 0;
  const smaxHi = (d.smaxHi - src.sminHi - borrowOf(d.smaxLo, src.sminLo)) | 0;
  const minOverflow = (d.sminHi ^ src.smaxHi) & (d.sminHi ^ sminHi);
  const maxOverflow = (d.smaxHi ^ src.sminHi) & (d.smaxHi ^ smaxHi);
  if ((minOverflow | maxOverflow) < 0) {
    unboundS64(d);
  } else {
    d.sminHi = sminHi;
    d.sminLo = sminLo;
    d.smaxHi = smaxHi;
    d.smaxLo = smaxLo;
  }
  const uminHi = (d.uminHi >>> 0) - (src.umaxHi >>> 0) - borrowOf(d.uminLo, src.umaxLo);
  const umaxHi = (d.umaxHi >>> 0) - (src.uminHi >>> 0) - borrowOf(d.umaxLo, src.uminLo);
  if (uminHi < 0 && umaxHi >= 0) {
    unboundU64(d);
  } else {
    d.uminHi = uminHi | 0;
    d.uminLo = (d.uminLo - src.umaxLo) | 0;
    d.umaxHi = umaxHi | 0;
    d.umaxLo = (d.umaxLo - src.uminLo) | 0;
  }
}

/** `scalar32_min_max_mul`. A product of doubles is exact where it fits 32 bits, and large where it does not. */
function mul32(d: BoundsDraft, src: Bounds): void {
  const umin = d.u32min * src.u32min;
  const umax = d.u32max * src.u32max;
  const unsignedUnknown = umin > U32_MAX || umax > U32_MAX;
  const a = d.s32min * src.s32min;
  const b = d.s32min * src.s32max;
  const c = d.s32max * src.s32min;
  const e = d.s32max * src.s32max;
  if (overflowsS32(a) || overflowsS32(b) || overflowsS32(c) || overflowsS32(e)) {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
  } else {
    d.s32min = Math.min(a, b, c, e) | 0;
    d.s32max = Math.max(a, b, c, e) | 0;
  }
  d.u32minWord = unsignedUnknown ? 0 : umin | 0;
  d.u32maxWord = unsignedUnknown ? -1 : umax | 0;
}

/** Up to here, and down to its negative, products of doubles are exact. */
const EXACT = 2 ** 53;
/** From here on a product does not fit 64 bits, however doubles round. */
const TOO_LARGE = 2 ** 65;
const WORD = 2 ** 32;

function unsignedDouble(hi: number, lo: number): number {
  return (hi >>> 0) * WORD + (lo >>> 0);
}

function signedDouble(hi: number, lo: number): number {
  return hi * WORD + (lo >>> 0);
}

/** `scalar_min_max_mul`, of the unsigned range. */
function mulU64(d: BoundsDraft, src: Bounds): void {
  const approximate = unsignedDouble(d.umaxHi, d.umaxLo) * unsignedDouble(src.umaxHi, src.umaxLo);
  if (approximate > TOO_LARGE) {
    unboundU64(d);
    return;
  }
  if (approximate < EXACT) {
    const umin = unsignedDouble(d.uminHi, d.uminLo) * unsignedDouble(src.uminHi, src.uminLo);
    if (umin < EXACT) {
      d.uminHi = (umin / WORD) | 0;
      d.uminLo = umin | 0;
      d.umaxHi = (approximate / WORD) | 0;
      d.umaxLo = approximate | 0;
      return;
    }
  }
  const umin = d.umin * src.umin;
  const umax = d.umax * src.umax;
  if (umin > U64_MAX || umax > U64_MAX) {
    unboundU64(d);
    return;
  }
  d.uminHi = highOf(umin);
  d.uminLo = lowOf(umin);
  d.umaxHi = highOf(umax);
  d.umaxLo = lowOf(umax);
}

/** The same of the signed range. */
function mulS64(d: BoundsDraft, src: Bounds): void {
  const dMin = signedDouble(d.sminHi, d.sminLo);
  const dMax = signedDouble(d.smaxHi, d.smaxLo);
  const srcMin = signedDouble(src.sminHi, src.sminLo);
  const srcMax = signedDouble(src.smaxHi, src.smaxLo);
  const a = dMin * srcMin;
  const b = dMin * srcMax;
  const c = dMax * srcMin;
  const e = dMax * srcMax;
  const largest = Math.max(Math.abs(a), Math.abs(b), Math.abs(c), Math.abs(e));
  if (largest > TOO_LARGE) {
    unboundS64(d);
  } else if (largest < EXACT) {
    const smin = Math.min(a, b, c, e);
    const smax = Math.max(a, b, c, e);
    d.sminHi = Math.floor(smin / WORD) | 0;
    d.sminLo = smin | 0;
    d.smaxHi = Math.floor(smax / WORD) | 0;
    d.smaxLo = smax | 0;
  } else mulS64Exactly(d, src);
}

function mulS64Exactly(d: BoundsDraft, src: Bounds): void {
  const products = [d.smin * src.smin, d.smin * src.smax, d.smax * src.smin, d.smax * src.smax];
  let smin = products[0]!;
  let smax = smin;
  for (const product of products) {
    if (product < smin) smin = product;
    if (product > smax) smax = product;
  }
  if (smin < S64_MIN || smax > S64_MAX) {
    unboundS64(d);
    return;
  }
  d.sminHi = highOf(smin);
  d.sminLo = lowOf(smin);
  d.smaxHi = highOf(smax);
  d.smaxLo = lowOf(smax);
}

/** `dst + src` of both widths, before anything is deduced: as `sync_linked_regs` leaves it. */
export function addUnsynced(d: BoundsDraft, src: Bounds): void {
  add32(d, src);
  add64(d, src);
  d.tnum = tnumAdd(d.tnum, src.tnum);
}

export function subtract(d: BoundsDraft, src: Bounds): void {
  sub32(d, src);
  sub64(d, src);
  d.tnum = tnumSub(d.tnum, src.tnum);
}

export function multiply(d: BoundsDraft, src: Bounds): void {
  d.tnum = tnumMul(d.tnum, src.tnum);
  mul32(d, src);
  mulU64(d, src);
  mulS64(d, src);
}
