import type { Register } from "../state/register.ts";
import { type Bounds, type BoundsDraft, constantOfWords, draftOf, isConstant, isExact } from "./bounds.ts";
import { synced } from "./sync.ts";
import { TNUM_U32, TNUM_UNKNOWN, tnumCast, tnumConst, tnumRange, tnumSubreg } from "./tnum.ts";

/** `__mark_reg32_unbounded` */
export function unbound32(d: BoundsDraft): void {
  d.s32min = -0x8000_0000;
  d.s32max = 0x7fff_ffff;
  d.u32minWord = 0;
  d.u32maxWord = -1;
}

/** `__mark_reg64_unbounded` */
export function unbound64(d: BoundsDraft): void {
  unboundS64(d);
  unboundU64(d);
}

export function unboundS64(d: BoundsDraft): void {
  d.sminHi = -0x8000_0000;
  d.sminLo = 0;
  d.smaxHi = 0x7fff_ffff;
  d.smaxLo = -1;
}

export function unboundU64(d: BoundsDraft): void {
  d.uminHi = 0;
  d.uminLo = 0;
  d.umaxHi = -1;
  d.umaxLo = -1;
}

/** The ranges of the value without its upper half, which becomes 0 (`zext_32_to_64`). */
export function zeroExtend(d: BoundsDraft): void {
  d.tnum = tnumSubreg(d.tnum);
  d.uminHi = d.umaxHi = 0;
  d.uminLo = d.u32minWord;
  d.umaxLo = d.u32maxWord;
  d.sminHi = d.smaxHi = 0;
  if ((d.s32min | d.s32max) >= 0) {
    d.sminLo = d.s32min;
    d.smaxLo = d.s32max;
  } else {
    d.sminLo = 0;
    d.smaxLo = -1;
  }
}

/** The low 32 bits, zero-extended, with all that follows. */
export function zeroExtended(bounds: Bounds): Bounds {
  if (isExact(bounds)) return constantOfWords(0, bounds.uminLo);
  const draft = draftOf(bounds);
  zeroExtend(draft);
  return synced(draft);
}

/** The low `size` bytes, zero-extended. */
export function truncated(bounds: Bounds, size: number): Bounds {
  const low = size < 4 ? (1 << (size * 8)) - 1 : -1;
  if (isExact(bounds)) return constantOfWords(0, bounds.uminLo & low);
  const draft = draftOf(bounds);
  draft.tnum = tnumCast(draft.tnum, size);
  if (draft.uminHi === draft.umaxHi && ((draft.uminLo ^ draft.umaxLo) & ~low) === 0) {
    draft.uminLo &= low;
    draft.umaxLo &= low;
  } else {
    draft.uminLo = 0;
    draft.umaxLo = low;
  }
  draft.uminHi = draft.umaxHi = draft.sminHi = draft.smaxHi = 0;
  draft.sminLo = draft.uminLo;
  draft.smaxLo = draft.umaxLo;
  if (size < 4) unbound32(draft);
  return synced(draft);
}

function signExtendWord(word: number, bits: number): number {
  return (word << (32 - bits)) >> (32 - bits);
}

/** The low `size` bytes (1, 2 or 4), sign-extended to 64 bits (`coerce_reg_to_size_sx`). */
export function signExtended(bounds: Bounds, size: number): Bounds {
  const bits = size * 8;
  if (isConstant(bounds)) {
    const word = signExtendWord(bounds.tnum.valueLo, bits);
    return constantOfWords(word >> 31, word);
  }
  const draft = draftOf(bounds);
  const sameTop =
    draft.sminHi === draft.smaxHi && (bits === 32 || (draft.sminLo ^ draft.smaxLo) >>> bits === 0);
  const first = signExtendWord(draft.sminLo, bits);
  const second = signExtendWord(draft.smaxLo, bits);
  if (sameTop && (first ^ second) >= 0) {
    const min = Math.min(first, second);
    const max = Math.max(first, second);
    const hi = min >> 31;
    draft.sminHi = draft.smaxHi = draft.uminHi = draft.umaxHi = hi;
    draft.s32min = draft.sminLo = draft.u32minWord = draft.uminLo = min;
    draft.s32max = draft.smaxLo = draft.u32maxWord = draft.umaxLo = max;
    draft.tnum = tnumRange(hi, min, hi, max);
    return draft;
  }
  const max = 2 ** (bits - 1) - 1;
  draft.sminHi = -1;
  draft.smaxHi = 0;
  draft.sminLo = draft.s32min = ~max;
  draft.smaxLo = draft.s32max = max;
  unboundU64(draft);
  draft.u32minWord = 0;
  draft.u32maxWord = -1;
  draft.tnum = TNUM_UNKNOWN;
  return draft;
}

/** The low `size` bytes (1 or 2), sign-extended to 32 bits; the 64-bit ranges are left as they are. */
function signExtendSubreg(d: BoundsDraft, size: number): void {
  const bits = size * 8;
  if (isConstant(d)) {
    const word = signExtendWord(d.tnum.valueLo, bits);
    d.tnum = tnumConst(word >> 31, word);
    d.s32min = d.s32max = d.u32minWord = d.u32maxWord = word;
    return;
  }
  const first = signExtendWord(d.s32min, bits);
  const second = signExtendWord(d.s32max, bits);
  if ((d.s32min ^ d.s32max) >>> bits === 0 && (first ^ second) >= 0) {
    d.s32min = d.u32minWord = Math.min(first, second);
    d.s32max = d.u32maxWord = Math.max(first, second);
    d.tnum = tnumSubreg(tnumRange(0, d.s32min, 0, d.s32max));
    return;
  }
  d.s32max = 2 ** (bits - 1) - 1;
  d.s32min = ~d.s32max;
  d.u32minWord = 0;
  d.u32maxWord = -1;
  d.tnum = TNUM_U32;
}

/** The low `size` bytes (1 or 2), sign-extended to 32 bits and these zero-extended: `w1 = (s8)w2`. */
export function signExtended32(bounds: Bounds, size: number): Bounds {
  const draft = draftOf(bounds);
  signExtendSubreg(draft, size);
  zeroExtend(draft);
  return synced(draft);
}

/** Keeps the low `size` bytes (1, 2 or 4) (`coerce_reg_to_size`). */
export function coerceRegToSize(reg: Register, size: number): void {
  reg.bounds = truncated(reg.bounds, size);
}

/** `coerce_reg_to_size_sx` */
export function coerceRegToSizeSx(reg: Register, size: number): void {
  reg.bounds = signExtended(reg.bounds, size);
}

/** `get_reg_width`: bits that the largest value needs. */
export function getRegWidth(reg: Register): number {
  const { umaxHi, umaxLo } = reg.bounds;
  return umaxHi !== 0 ? 64 - Math.clz32(umaxHi) : 32 - Math.clz32(umaxLo);
}
