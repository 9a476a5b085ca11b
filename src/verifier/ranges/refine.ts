import { type Bounds, type BoundsDraft, draftOf, sameBounds } from "./bounds.ts";
import { Condition, swapped } from "./condition.ts";
import { synced } from "./sync.ts";
import { Tnum, tnumIntersect, tnumIsConst, tnumSubreg, tnumSubregIsConst, tnumWithSubreg } from "./tnum.ts";
import { unbound32, unbound64 } from "./truncate.ts";
import { below32, below64, borrowOf, carryOf, less64 } from "./words.ts";

/**
 * Narrows both sides by what holds between them (`regs_refine_cond_op`). Both may be the same draft, where a register
 * is compared with itself; what then comes out is what comes out in Linux.
 */
function refine(condition: Condition, a: BoundsDraft, b: BoundsDraft, jmp32: boolean): void {
  switch (condition) {
    case Condition.eq:
      if (jmp32) refineEqual32(a, b);
      else refineEqual64(a, b);
      break;
    case Condition.ne:
      if (isKnown(b, jmp32)) refineNotEqual(a, b.tnum, jmp32);
      else if (isKnown(a, jmp32)) refineNotEqual(b, a.tnum, jmp32);
      break;
    case Condition.set:
      if (isKnown(b, jmp32)) refineSet(a, b.tnum, jmp32);
      else if (isKnown(a, jmp32)) refineSet(b, a.tnum, jmp32);
      break;
    case Condition.clear:
      if (isKnown(b, jmp32)) refineClear(a, b.tnum, jmp32);
      else if (isKnown(a, jmp32)) refineClear(b, a.tnum, jmp32);
      break;
    case Condition.le:
      refineBelow(a, b, 0, jmp32);
      break;
    case Condition.lt:
      refineBelow(a, b, 1, jmp32);
      break;
    case Condition.sle:
      refineLess(a, b, 0, jmp32);
      break;
    case Condition.slt:
      refineLess(a, b, 1, jmp32);
      break;
    default:
      refine(swapped(condition), b, a, jmp32);
  }
}

function isKnown(b: Bounds, jmp32: boolean): boolean {
  return jmp32 ? tnumSubregIsConst(b.tnum) : tnumIsConst(b.tnum);
}

function refineEqual32(a: BoundsDraft, b: BoundsDraft): void {
  if (below32(a.u32minWord, b.u32minWord)) a.u32minWord = b.u32minWord;
  if (below32(b.u32maxWord, a.u32maxWord)) a.u32maxWord = b.u32maxWord;
  if (a.s32min < b.s32min) a.s32min = b.s32min;
  if (a.s32max > b.s32max) a.s32max = b.s32max;
  b.u32minWord = a.u32minWord;
  b.u32maxWord = a.u32maxWord;
  b.s32min = a.s32min;
  b.s32max = a.s32max;
  const common = tnumIntersect(tnumSubreg(a.tnum), tnumSubreg(b.tnum));
  a.tnum = tnumWithSubreg(a.tnum, common);
  b.tnum = tnumWithSubreg(b.tnum, common);
}

function refineEqual64(a: BoundsDraft, b: BoundsDraft): void {
  if (below64(a.uminHi, a.uminLo, b.uminHi, b.uminLo)) {
    a.uminHi = b.uminHi;
    a.uminLo = b.uminLo;
  }
  if (below64(b.umaxHi, b.umaxLo, a.umaxHi, a.umaxLo)) {
    a.umaxHi = b.umaxHi;
    a.umaxLo = b.umaxLo;
  }
  if (less64(a.sminHi, a.sminLo, b.sminHi, b.sminLo)) {
    a.sminHi = b.sminHi;
    a.sminLo = b.sminLo;
  }
  if (less64(b.smaxHi, b.smaxLo, a.smaxHi, a.smaxLo)) {
    a.smaxHi = b.smaxHi;
    a.smaxLo = b.smaxLo;
  }
  b.uminHi = a.uminHi;
  b.uminLo = a.uminLo;
  b.umaxHi = a.umaxHi;
  b.umaxLo = a.umaxLo;
  b.sminHi = a.sminHi;
  b.sminLo = a.sminLo;
  b.smaxHi = a.smaxHi;
  b.smaxLo = a.smaxLo;
  a.tnum = tnumIntersect(a.tnum, b.tnum);
  b.tnum = a.tnum;
}

/** A known value that is at an end of a range takes this end away. */
function refineNotEqual(a: BoundsDraft, { valueHi, valueLo }: Tnum, jmp32: boolean): void {
  if (jmp32) {
    if (a.u32minWord === valueLo) a.u32minWord = (a.u32minWord + 1) | 0;
    if (a.u32maxWord === valueLo) a.u32maxWord = (a.u32maxWord - 1) | 0;
    if (a.s32min === valueLo) a.s32min = (a.s32min + 1) | 0;
    if (a.s32max === valueLo) a.s32max = (a.s32max - 1) | 0;
    return;
  }
  const nextLo = (valueLo + 1) | 0;
  const nextHi = (nextLo === 0 ? valueHi + 1 : valueHi) | 0;
  const previousLo = (valueLo - 1) | 0;
  const previousHi = (valueLo === 0 ? valueHi - 1 : valueHi) | 0;
  if (a.uminLo === valueLo && a.uminHi === valueHi) {
    a.uminLo = nextLo;
    a.uminHi = nextHi;
  }
  if (a.umaxLo === valueLo && a.umaxHi === valueHi) {
    a.umaxLo = previousLo;
    a.umaxHi = previousHi;
  }
  if (a.sminLo === valueLo && a.sminHi === valueHi) {
    a.sminLo = nextLo;
    a.sminHi = nextHi;
  }
  if (a.smaxLo === valueLo && a.smaxHi === valueHi) {
    a.smaxLo = previousLo;
    a.smaxHi = previousHi;
  }
}

/** Of several bits it is not known which is set: one alone is. */
function refineSet(a: BoundsDraft, { valueHi, valueLo }: Tnum, jmp32: boolean): void {
  const hi = jmp32 ? 0 : valueHi;
  const single =
    (hi === 0 || valueLo === 0) &&
    (hi | valueLo) !== 0 &&
    (hi & (hi - 1)) === 0 &&
    (valueLo & (valueLo - 1)) === 0;
  if (!single) return;
  const { tnum } = a;
  a.tnum = new Tnum(tnum.valueHi | hi, tnum.valueLo | valueLo, tnum.maskHi & ~hi, tnum.maskLo & ~valueLo);
}

/** The ranges are forgotten first: on a dead branch they would contradict the bits. */
function refineClear(a: BoundsDraft, { valueHi, valueLo }: Tnum, jmp32: boolean): void {
  unbound32(a);
  unbound64(a);
  const keepHi = jmp32 ? -1 : ~valueHi;
  const keepLo = ~valueLo;
  const { tnum } = a;
  a.tnum = new Tnum(tnum.valueHi & keepHi, tnum.valueLo & keepLo, tnum.maskHi & keepHi, tnum.maskLo & keepLo);
}

/** `a + distance <= b`, unsigned; `distance` is 0 or 1. */
function refineBelow(a: BoundsDraft, b: BoundsDraft, distance: number, jmp32: boolean): void {
  if (jmp32) {
    const max = (b.u32maxWord - distance) | 0;
    if (below32(max, a.u32maxWord)) a.u32maxWord = max;
    const min = (a.u32minWord + distance) | 0;
    if (below32(b.u32minWord, min)) b.u32minWord = min;
    return;
  }
  const maxLo = (b.umaxLo - distance) | 0;
  const maxHi = (b.umaxHi - borrowOf(b.umaxLo, distance)) | 0;
  if (below64(maxHi, maxLo, a.umaxHi, a.umaxLo)) {
    a.umaxHi = maxHi;
    a.umaxLo = maxLo;
  }
  const minLo = (a.uminLo + distance) | 0;
  const minHi = (a.uminHi + carryOf(a.uminLo, minLo)) | 0;
  if (below64(b.uminHi, b.uminLo, minHi, minLo)) {
    b.uminHi = minHi;
    b.uminLo = minLo;
  }
}

/** `a + distance <= b`, signed; `distance` is 0 or 1. */
function refineLess(a: BoundsDraft, b: BoundsDraft, distance: number, jmp32: boolean): void {
  if (jmp32) {
    const max = (b.s32max - distance) | 0;
    if (max < a.s32max) a.s32max = max;
    const min = (a.s32min + distance) | 0;
    if (min > b.s32min) b.s32min = min;
    return;
  }
  const maxLo = (b.smaxLo - distance) | 0;
  const maxHi = (b.smaxHi - borrowOf(b.smaxLo, distance)) | 0;
  if (less64(maxHi, maxLo, a.smaxHi, a.smaxLo)) {
    a.smaxHi = maxHi;
    a.smaxLo = maxLo;
  }
  const minLo = (a.sminLo + distance) | 0;
  const minHi = (a.sminHi + carryOf(a.sminLo, minLo)) | 0;
  if (less64(b.sminHi, b.sminLo, minHi, minLo)) {
    b.sminHi = minHi;
    b.sminLo = minLo;
  }
}

/** Both sides of a comparison, narrowed. */
export interface Refined {
  readonly a: Bounds;
  readonly b: Bounds;
}

/**
 * What both sides are where the condition holds between them.
 *
 * @param same both are one register; `a` and `b` are then the same
 */
export function refined(condition: Condition, a: Bounds, b: Bounds, jmp32: boolean, same = false): Refined {
  const draftA = draftOf(a);
  const draftB = same ? draftA : draftOf(b);
  refine(condition, draftA, draftB, jmp32);
  const newA = synced(draftA);
  if (same) {
    // Linux syncs the one register twice.
    const twice = synced(draftOf(newA));
    return { a: twice, b: twice };
  }
  return { a: kept(a, newA), b: kept(b, synced(draftB)) };
}

/** The old object where nothing changed: so it stays shared. */
function kept(before: Bounds, after: Bounds): Bounds {
  return sameBounds(before, after) ? before : after;
}
