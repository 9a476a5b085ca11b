import type { Bounds } from "./bounds.ts";
import { Condition } from "./condition.ts";
import { tnumIsConst, tnumOverlap, tnumSubregIsConst } from "./tnum.ts";
import { below32, below64, less64 } from "./words.ts";

/** Whether the condition holds for all values, for none, or (null) for some (`is_scalar_branch_taken`). */
export function predict(condition: Condition, a: Bounds, b: Bounds, jmp32: boolean): boolean | null {
  switch (condition) {
    case Condition.eq:
      return jmp32 ? equal32(a, b) : equal64(a, b);
    case Condition.ne: {
      const same = jmp32 ? equal32(a, b) : equal64(a, b);
      return same === null ? null : !same;
    }
    case Condition.set:
      return jmp32 ? set32(a, b) : set64(a, b);
    case Condition.gt:
      return greater(a, b, jmp32);
    case Condition.lt:
      return greater(b, a, jmp32);
    case Condition.le:
      return not(greater(a, b, jmp32));
    case Condition.ge:
      return not(greater(b, a, jmp32));
    case Condition.sgt:
      return greaterSigned(a, b, jmp32);
    case Condition.slt:
      return greaterSigned(b, a, jmp32);
    case Condition.sle:
      return not(greaterSigned(a, b, jmp32));
    case Condition.sge:
      return not(greaterSigned(b, a, jmp32));
    default:
      return null;
  }
}

function not(answer: boolean | null): boolean | null {
  return answer === null ? null : !answer;
}

function equal64(a: Bounds, b: Bounds): boolean | null {
  if (tnumIsConst(a.tnum) && tnumIsConst(b.tnum)) {
    return a.tnum.valueLo === b.tnum.valueLo && a.tnum.valueHi === b.tnum.valueHi;
  }
  if (!tnumOverlap(a.tnum, b.tnum)) return false;
  if (below64(b.umaxHi, b.umaxLo, a.uminHi, a.uminLo)) return false;
  if (below64(a.umaxHi, a.umaxLo, b.uminHi, b.uminLo)) return false;
  if (less64(b.smaxHi, b.smaxLo, a.sminHi, a.sminLo)) return false;
  if (less64(a.smaxHi, a.smaxLo, b.sminHi, b.sminLo)) return false;
  return rangesApart32(a, b) ? false : null;
}

function equal32(a: Bounds, b: Bounds): boolean | null {
  if (tnumSubregIsConst(a.tnum) && tnumSubregIsConst(b.tnum)) return a.tnum.valueLo === b.tnum.valueLo;
  if (((a.tnum.valueLo ^ b.tnum.valueLo) & ~a.tnum.maskLo & ~b.tnum.maskLo) !== 0) return false;
  return rangesApart32(a, b) ? false : null;
}

function rangesApart32(a: Bounds, b: Bounds): boolean {
  return (
    below32(b.u32maxWord, a.u32minWord) ||
    below32(a.u32maxWord, b.u32minWord) ||
    a.s32min > b.s32max ||
    a.s32max < b.s32min
  );
}

function set64(a: Bounds, b: Bounds): boolean | null {
  if (!tnumIsConst(b.tnum)) {
    if (!tnumIsConst(a.tnum)) return null;
    [a, b] = [b, a];
  }
  const t = a.tnum;
  const { valueHi, valueLo } = b.tnum;
  if (((t.valueHi & valueHi) | (t.valueLo & valueLo)) !== 0) return true;
  if ((((t.valueHi | t.maskHi) & valueHi) | ((t.valueLo | t.maskLo) & valueLo)) === 0) return false;
  return null;
}

function set32(a: Bounds, b: Bounds): boolean | null {
  if (!tnumSubregIsConst(b.tnum)) {
    if (!tnumSubregIsConst(a.tnum)) return null;
    [a, b] = [b, a];
  }
  if ((a.tnum.valueLo & b.tnum.valueLo) !== 0) return true;
  return ((a.tnum.valueLo | a.tnum.maskLo) & b.tnum.valueLo) === 0 ? false : null;
}

/** `a > b`, unsigned. */
function greater(a: Bounds, b: Bounds, jmp32: boolean): boolean | null {
  if (jmp32) {
    if (below32(b.u32maxWord, a.u32minWord)) return true;
    return below32(b.u32minWord, a.u32maxWord) ? null : false;
  }
  if (below64(b.umaxHi, b.umaxLo, a.uminHi, a.uminLo)) return true;
  return below64(b.uminHi, b.uminLo, a.umaxHi, a.umaxLo) ? null : false;
}

/** `a > b`, signed. */
function greaterSigned(a: Bounds, b: Bounds, jmp32: boolean): boolean | null {
  if (jmp32) {
    if (a.s32min > b.s32max) return true;
    return a.s32max > b.s32min ? null : false;
  }
  if (less64(b.smaxHi, b.smaxLo, a.sminHi, a.sminLo)) return true;
  return less64(b.sminHi, b.sminLo, a.smaxHi, a.smaxLo) ? null : false;
}
