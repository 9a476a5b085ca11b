import type { Bounds, BoundsDraft } from "./bounds.ts";
import { setKnown, setKnown32 } from "./known.ts";
import { updateBounds } from "./sync.ts";
import { type Tnum, tnumAnd, tnumIsConst, tnumOr, tnumSubregIsConst, tnumXor } from "./tnum.ts";
import { unboundS64 } from "./truncate.ts";
import { below32, below64 } from "./words.ts";

/** The signed ranges that the unsigned ones allow: the same, where they keep to one side of the sign boundary. */
function signedFromUnsigned32(d: BoundsDraft): void {
  const fits = d.u32minWord <= d.u32maxWord;
  d.s32min = fits ? d.u32minWord : -0x8000_0000;
  d.s32max = fits ? d.u32maxWord : 0x7fff_ffff;
}

function signedFromUnsigned64(d: BoundsDraft): void {
  if (d.uminHi < d.umaxHi || (d.uminHi === d.umaxHi && d.uminLo >>> 0 <= d.umaxLo >>> 0)) {
    d.sminHi = d.uminHi;
    d.sminLo = d.uminLo;
    d.smaxHi = d.umaxHi;
    d.smaxLo = d.umaxLo;
  } else {
    unboundS64(d);
  }
}

/** `scalar32_min_max_and`, `scalar_min_max_and`: least the known ones, at most the smaller of both. */
export function bitAnd(d: BoundsDraft, src: Bounds): void {
  const tnum = tnumAnd(d.tnum, src.tnum);
  d.tnum = tnum;
  if (tnumSubregIsConst(src.tnum) && tnumSubregIsConst(tnum)) {
    setKnown32(d);
  } else {
    d.u32minWord = tnum.valueLo;
    if (below32(src.u32maxWord, d.u32maxWord)) d.u32maxWord = src.u32maxWord;
    signedFromUnsigned32(d);
  }
  if (tnumIsConst(src.tnum) && tnumIsConst(tnum)) {
    setKnown(d);
    return;
  }
  d.uminHi = tnum.valueHi;
  d.uminLo = tnum.valueLo;
  if (below64(src.umaxHi, src.umaxLo, d.umaxHi, d.umaxLo)) {
    d.umaxHi = src.umaxHi;
    d.umaxLo = src.umaxLo;
  }
  signedFromUnsigned64(d);
  updateBounds(d);
}

/** `scalar32_min_max_or`, `scalar_min_max_or`: at least the larger of both, at most the possible ones. */
export function bitOr(d: BoundsDraft, src: Bounds): void {
  const tnum = tnumOr(d.tnum, src.tnum);
  d.tnum = tnum;
  if (tnumSubregIsConst(src.tnum) && tnumSubregIsConst(tnum)) {
    setKnown32(d);
  } else {
    if (below32(d.u32minWord, src.u32minWord)) d.u32minWord = src.u32minWord;
    d.u32maxWord = tnum.valueLo | tnum.maskLo;
    signedFromUnsigned32(d);
  }
  if (tnumIsConst(src.tnum) && tnumIsConst(tnum)) {
    setKnown(d);
    return;
  }
  if (below64(d.uminHi, d.uminLo, src.uminHi, src.uminLo)) {
    d.uminHi = src.uminHi;
    d.uminLo = src.uminLo;
  }
  setLargest(d, tnum);
  signedFromUnsigned64(d);
  updateBounds(d);
}

/** `scalar32_min_max_xor`, `scalar_min_max_xor`: what the known bits say. */
export function bitXor(d: BoundsDraft, src: Bounds): void {
  const tnum = tnumXor(d.tnum, src.tnum);
  d.tnum = tnum;
  if (tnumSubregIsConst(src.tnum) && tnumSubregIsConst(tnum)) {
    setKnown32(d);
  } else {
    d.u32minWord = tnum.valueLo;
    d.u32maxWord = tnum.valueLo | tnum.maskLo;
    signedFromUnsigned32(d);
  }
  if (tnumIsConst(src.tnum) && tnumIsConst(tnum)) {
    setKnown(d);
    return;
  }
  d.uminHi = tnum.valueHi;
  d.uminLo = tnum.valueLo;
  setLargest(d, tnum);
  signedFromUnsigned64(d);
  updateBounds(d);
}

function setLargest(d: BoundsDraft, tnum: Tnum): void {
  d.umaxHi = tnum.valueHi | tnum.maskHi;
  d.umaxLo = tnum.valueLo | tnum.maskLo;
}
