import type { Register } from "../state/register.ts";
import { type Bounds, type BoundsDraft, draftOf, isExact, UNKNOWN } from "./bounds.ts";
import { setKnown } from "./known.ts";
import { Tnum, tnumConst, tnumEquals, tnumIntersect, tnumRange, tnumStep } from "./tnum.ts";
import { below32, below64, less64, onesBelow } from "./words.ts";

/** What the known bits say about the 32-bit ranges (`__update_reg32_bounds`). */
export function updateBounds32(d: BoundsDraft): void {
  const { valueLo, maskLo } = d.tnum;
  const smallest = valueLo | (maskLo & -0x8000_0000);
  const largest = valueLo | (maskLo & 0x7fff_ffff);
  if (d.s32min < smallest) d.s32min = smallest;
  if (d.s32max > largest) d.s32max = largest;
  if (below32(d.u32minWord, valueLo)) d.u32minWord = valueLo;
  if (below32(valueLo | maskLo, d.u32maxWord)) d.u32maxWord = valueLo | maskLo;
}

/** What the known bits say about the 64-bit ranges (`__update_reg64_bounds`). */
export function updateBounds64(d: BoundsDraft): void {
  const { valueHi, valueLo, maskHi, maskLo } = d.tnum;
  raiseSmin(d, valueHi | (maskHi & -0x8000_0000), valueLo);
  lowerSmax(d, valueHi | (maskHi & 0x7fff_ffff), valueLo | maskLo);
  raiseUmin(d, valueHi, valueLo);
  lowerUmax(d, valueHi | maskHi, valueLo | maskLo);
  takeOnlyMember(d);
}

/** Where but one number is in the unsigned range and has the known bits, it is that one. */
function takeOnlyMember(d: BoundsDraft): void {
  const { tnum, uminHi, uminLo, umaxHi, umaxLo } = d;
  const next = tnumStep(tnum, uminHi, uminLo);
  const minIsMember = (uminHi & ~tnum.maskHi) === tnum.valueHi && (uminLo & ~tnum.maskLo) === tnum.valueLo;
  const nextIsAbove = below64(umaxHi, umaxLo, next.hi, next.lo);
  if (minIsMember) {
    if (nextIsAbove) takeKnown(d, uminHi, uminLo);
    return;
  }
  if (next.hi === (tnum.valueHi | tnum.maskHi) && next.lo === (tnum.valueLo | tnum.maskLo)) {
    takeKnown(d, next.hi, next.lo);
    return;
  }
  if (nextIsAbove) return;
  const second = tnumStep(tnum, next.hi, next.lo);
  if (below64(umaxHi, umaxLo, second.hi, second.lo)) takeKnown(d, next.hi, next.lo);
}

function takeKnown(d: BoundsDraft, hi: number, lo: number): void {
  d.tnum = tnumConst(hi, lo);
  setKnown(d);
}

/** `__update_reg_bounds` */
export function updateBounds(d: BoundsDraft): void {
  updateBounds32(d);
  updateBounds64(d);
}

function raiseSmin(d: BoundsDraft, hi: number, lo: number): boolean {
  if (!less64(d.sminHi, d.sminLo, hi, lo)) return false;
  d.sminHi = hi;
  d.sminLo = lo;
  return true;
}

function lowerSmax(d: BoundsDraft, hi: number, lo: number): boolean {
  if (!less64(hi, lo, d.smaxHi, d.smaxLo)) return false;
  d.smaxHi = hi;
  d.smaxLo = lo;
  return true;
}

function raiseUmin(d: BoundsDraft, hi: number, lo: number): boolean {
  if (!below64(d.uminHi, d.uminLo, hi, lo)) return false;
  d.uminHi = hi;
  d.uminLo = lo;
  return true;
}

function lowerUmax(d: BoundsDraft, hi: number, lo: number): boolean {
  if (!below64(hi, lo, d.umaxHi, d.umaxLo)) return false;
  d.umaxHi = hi;
  d.umaxLo = lo;
  return true;
}

function narrowS32(d: BoundsDraft, min: number, max: number): boolean {
  let changed = false;
  if (d.s32min < min) {
    d.s32min = min;
    changed = true;
  }
  if (d.s32max > max) {
    d.s32max = max;
    changed = true;
  }
  return changed;
}

function narrowU32(d: BoundsDraft, min: number, max: number): boolean {
  let changed = false;
  if (below32(d.u32minWord, min)) {
    d.u32minWord = min;
    changed = true;
  }
  if (below32(max, d.u32maxWord)) {
    d.u32maxWord = max;
    changed = true;
  }
  return changed;
}

/** Narrows the 32-bit ranges by the 64-bit ones and by each other (`__reg32_deduce_bounds`). Whether any changed. */
function deduce32(d: BoundsDraft): boolean {
  let changed = false;
  // A 64-bit range whose upper half is the same throughout is a range of the lower half as well, unsigned; and signed
  // where it does not go over the lower half's sign boundary.
  if (d.uminHi === d.umaxHi) {
    if (narrowU32(d, d.uminLo, d.umaxLo)) changed = true;
    if (d.uminLo <= d.umaxLo && narrowS32(d, d.uminLo, d.umaxLo)) changed = true;
  }
  if (d.sminHi === d.smaxHi) {
    if (!below32(d.smaxLo, d.sminLo) && narrowU32(d, d.sminLo, d.smaxLo)) changed = true;
    if (d.sminLo <= d.smaxLo && narrowS32(d, d.sminLo, d.smaxLo)) changed = true;
  }
  // The upper half steps once, where the lower goes from -1 to 0.
  if (
    ((d.uminHi + 1) | 0) === d.umaxHi &&
    d.uminLo < 0 &&
    d.umaxLo >= 0 &&
    narrowS32(d, d.uminLo, d.umaxLo)
  ) {
    changed = true;
  }
  if (
    ((d.sminHi + 1) | 0) === d.smaxHi &&
    d.sminLo < 0 &&
    d.smaxLo >= 0 &&
    narrowS32(d, d.sminLo, d.smaxLo)
  ) {
    changed = true;
  }
  if (d.u32minWord <= d.u32maxWord && narrowS32(d, d.u32minWord, d.u32maxWord)) changed = true;
  return meetU32(d) || changed;
}

/** What the unsigned range of the low half learns from the signed one, and the other way round where this is two. */
function meetU32(d: BoundsDraft): boolean {
  if (!below32(d.s32max, d.s32min)) return narrowU32(d, d.s32min, d.s32max);
  const { s32min, s32max, u32minWord, u32maxWord } = d;
  // As for 64 bits, below.
  if (below32(u32maxWord, s32min)) {
    d.s32min = u32minWord;
    if (below32(s32max, u32maxWord)) d.u32maxWord = s32max;
  } else if (below32(s32max, u32minWord)) {
    d.s32max = u32maxWord;
    if (below32(u32minWord, s32min)) d.u32minWord = s32min;
  } else return false;
  return (
    d.s32min !== s32min || d.s32max !== s32max || d.u32minWord !== u32minWord || d.u32maxWord !== u32maxWord
  );
}

/** Narrows the 64-bit ranges by each other (`__reg64_deduce_bounds`). Whether any changed. */
function deduce64(d: BoundsDraft): boolean {
  let changed = false;
  if (!less64(d.umaxHi, d.umaxLo, d.uminHi, d.uminLo)) {
    if (raiseSmin(d, d.uminHi, d.uminLo)) changed = true;
    if (lowerSmax(d, d.umaxHi, d.umaxLo)) changed = true;
  }
  if (!below64(d.smaxHi, d.smaxLo, d.sminHi, d.sminLo)) {
    if (raiseUmin(d, d.sminHi, d.sminLo)) changed = true;
    if (lowerUmax(d, d.smaxHi, d.smaxLo)) changed = true;
  } else if (below64(d.umaxHi, d.umaxLo, d.sminHi, d.sminLo)) {
    // The signed range goes over 0 and so is two unsigned ones; the unsigned range meets only the positive one …
    if (d.sminHi !== d.uminHi || d.sminLo !== d.uminLo) {
      d.sminHi = d.uminHi;
      d.sminLo = d.uminLo;
      changed = true;
    }
    if (lowerUmax(d, d.smaxHi, d.smaxLo)) changed = true;
  } else if (below64(d.smaxHi, d.smaxLo, d.uminHi, d.uminLo)) {
    // … or only the negative one.
    if (d.smaxHi !== d.umaxHi || d.smaxLo !== d.umaxLo) {
      d.smaxHi = d.umaxHi;
      d.smaxLo = d.umaxLo;
      changed = true;
    }
    if (raiseUmin(d, d.sminHi, d.sminLo)) changed = true;
  }
  return changed;
}

/** Narrows the 64-bit ranges by the 32-bit ones (`__reg_deduce_mixed_bounds`). Whether anything changed. */
function deduceMixed(d: BoundsDraft): boolean {
  let changed = false;
  if (below32(d.uminLo, d.u32minWord)) {
    d.uminLo = d.u32minWord;
    changed = true;
  }
  if (below32(d.u32maxWord, d.umaxLo)) {
    d.umaxLo = d.u32maxWord;
    changed = true;
  }
  if (below32(d.sminLo, d.u32minWord)) {
    d.sminLo = d.u32minWord;
    changed = true;
  }
  if (below32(d.u32maxWord, d.smaxLo)) {
    d.smaxLo = d.u32maxWord;
    changed = true;
  }
  // A sign-extended number whose lower half is not negative: the upper half is 0.
  if (
    d.s32min >= 0 &&
    !less64(d.sminHi, d.sminLo, -1, -0x8000_0000) &&
    !less64(0, 0x7fff_ffff, d.smaxHi, d.smaxLo)
  ) {
    const maxHi = d.s32max >> 31;
    if (
      (d.sminHi | d.uminHi) !== 0 ||
      d.sminLo !== d.s32min ||
      d.uminLo !== d.s32min ||
      d.smaxHi !== maxHi ||
      d.umaxHi !== maxHi ||
      d.smaxLo !== d.s32max ||
      d.umaxLo !== d.s32max
    ) {
      d.sminHi = d.uminHi = 0;
      d.sminLo = d.uminLo = d.s32min;
      d.smaxHi = d.umaxHi = maxHi;
      d.smaxLo = d.umaxLo = d.s32max;
      changed = true;
    }
    const tnum = tnumIntersect(d.tnum, tnumRange(0, d.s32min, maxHi, d.s32max));
    if (!tnumEquals(tnum, d.tnum)) {
      d.tnum = tnum;
      changed = true;
    }
  }
  return changed;
}

/** Bits that are the same in both ends of an unsigned range are known (`__reg_bound_offset`). */
function boundOffset(d: BoundsDraft): void {
  const { tnum } = d;
  const differHi = d.uminHi ^ d.umaxHi;
  const rangeMaskHi = onesBelow(differHi);
  const rangeMaskLo = differHi !== 0 ? -1 : onesBelow(d.uminLo ^ d.umaxLo);
  const maskHi = tnum.maskHi & rangeMaskHi;
  const maskLo = tnum.maskLo & rangeMaskLo;
  const valueHi = (tnum.valueHi | (d.uminHi & ~rangeMaskHi)) & ~maskHi;
  const valueLo = (tnum.valueLo | (d.uminLo & ~rangeMaskLo)) & ~maskLo;
  const subregMask = onesBelow(d.u32minWord ^ d.u32maxWord);
  const lowMask = maskLo & subregMask;
  const lowValue = (valueLo | (d.u32minWord & ~subregMask)) & ~lowMask;
  if (
    maskHi !== tnum.maskHi ||
    lowMask !== tnum.maskLo ||
    valueHi !== tnum.valueHi ||
    lowValue !== tnum.valueLo
  ) {
    d.tnum = new Tnum(valueHi, lowValue, maskHi, lowMask);
  }
}

function isUnbounded(b: Bounds): boolean {
  return (
    (b.tnum.maskHi & b.tnum.maskLo) === -1 &&
    (b.uminHi | b.uminLo) === 0 &&
    (b.umaxHi & b.umaxLo) === -1 &&
    b.sminHi === -0x8000_0000 &&
    b.sminLo === 0 &&
    b.smaxHi === 0x7fff_ffff &&
    b.smaxLo === -1 &&
    b.s32min === -0x8000_0000 &&
    b.s32max === 0x7fff_ffff &&
    b.u32minWord === 0 &&
    b.u32maxWord === -1
  );
}

/** Lets known bits and ranges learn from each other, exactly as far as `reg_bounds_sync` goes; changes `draft`. */
export function synced(draft: BoundsDraft): Bounds {
  if (isUnbounded(draft)) return UNKNOWN;
  if (isExact(draft)) return draft;
  updateBounds(draft);
  // A round that changes nothing would change nothing again.
  for (let round = 0; round < 3; round++) {
    const in32 = deduce32(draft);
    const in64 = deduce64(draft);
    const mixed = deduceMixed(draft);
    if (!in32 && !in64 && !mixed) break;
  }
  boundOffset(draft);
  updateBounds(draft);
  return draft;
}

/** `reg_bounds_sync` */
export function regBoundsSync(reg: Register): void {
  const { bounds } = reg;
  if (bounds === UNKNOWN || isExact(bounds)) return;
  reg.bounds = synced(draftOf(bounds));
}
