import { type Bounds, BoundsDraft } from "./bounds.ts";
import { tnumAdd, tnumSub } from "./tnum.ts";
import { below64, borrowOf, carryOf } from "./words.ts";

const U32_MAX = 0xffff_ffff;

/**
 * The variable offset of a pointer to which a number is added (`adjust_ptr_min_max_vals`), before anything is deduced.
 * Unlike a number's, its 32-bit ranges are not kept, and an unsigned range that wraps is unknown.
 */
export function addPointerOffset(pointer: Bounds, offset: Bounds): Bounds {
  const sum = new BoundsDraft();
  const sminLo = (pointer.sminLo + offset.sminLo) | 0;
  const sminHi = (pointer.sminHi + offset.sminHi + carryOf(pointer.sminLo, sminLo)) | 0;
  const smaxLo = (pointer.smaxLo + offset.smaxLo) | 0;
  const smaxHi = (pointer.smaxHi + offset.smaxHi + carryOf(pointer.smaxLo, smaxLo)) | 0;
  const minOverflow = (pointer.sminHi ^ sminHi) & (offset.sminHi ^ sminHi);
  const maxOverflow = (pointer.smaxHi ^ smaxHi) & (offset.smaxHi ^ smaxHi);
  if ((minOverflow | maxOverflow) >= 0) {
    sum.sminHi = sminHi;
    sum.sminLo = sminLo;
    sum.smaxHi = smaxHi;
    sum.smaxLo = smaxLo;
  }
  const umaxLo = (pointer.umaxLo + offset.umaxLo) | 0;
  const umaxHi = (pointer.umaxHi >>> 0) + (offset.umaxHi >>> 0) + carryOf(pointer.umaxLo, umaxLo);
  const uminLo = (pointer.uminLo + offset.uminLo) | 0;
  const uminHi = (pointer.uminHi >>> 0) + (offset.uminHi >>> 0) + carryOf(pointer.uminLo, uminLo);
  if (umaxHi <= U32_MAX && uminHi <= U32_MAX) {
    sum.uminHi = uminHi | 0;
    sum.uminLo = uminLo;
    sum.umaxHi = umaxHi | 0;
    sum.umaxLo = umaxLo;
  }
  sum.tnum = tnumAdd(pointer.tnum, offset.tnum);
  return sum;
}

/** The same of a pointer from which a number is subtracted. */
export function subtractPointerOffset(pointer: Bounds, offset: Bounds): Bounds {
  const difference = new BoundsDraft();
  const sminLo = (pointer.sminLo - offset.smaxLo) | 0;
  const sminHi = (pointer.sminHi - offset.smaxHi - borrowOf(pointer.sminLo, offset.smaxLo)) | 0;
  const smaxLo = (pointer.smaxLo - offset.sminLo) | 0;
  const smaxHi = (pointer.smaxHi - offset.sminHi - borrowOf(pointer.smaxLo, offset.sminLo)) | 0;
  const minOverflow = (pointer.sminHi ^ offset.smaxHi) & (pointer.sminHi ^ sminHi);
  const maxOverflow = (pointer.smaxHi ^ offset.sminHi) & (pointer.smaxHi ^ smaxHi);
  if ((minOverflow | maxOverflow) >= 0) {
    difference.sminHi = sminHi;
    difference.sminLo = sminLo;
    difference.smaxHi = smaxHi;
    difference.smaxLo = smaxLo;
  }
  if (!below64(pointer.uminHi, pointer.uminLo, offset.umaxHi, offset.umaxLo)) {
    difference.uminHi = (pointer.uminHi - offset.umaxHi - borrowOf(pointer.uminLo, offset.umaxLo)) | 0;
    difference.uminLo = (pointer.uminLo - offset.umaxLo) | 0;
    difference.umaxHi = (pointer.umaxHi - offset.uminHi - borrowOf(pointer.umaxLo, offset.uminLo)) | 0;
    difference.umaxLo = (pointer.umaxLo - offset.uminLo) | 0;
  }
  difference.tnum = tnumSub(pointer.tnum, offset.tnum);
  return difference;
}
