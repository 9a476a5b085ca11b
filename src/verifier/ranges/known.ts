import type { BoundsDraft } from "./bounds.ts";

/** The ranges of a low half that is known (`__mark_reg32_known`, once the bits are). */
export function setKnown32(d: BoundsDraft): void {
  const { valueLo } = d.tnum;
  d.s32min = d.s32max = d.u32minWord = d.u32maxWord = valueLo;
}

/** The ranges of a value of which all bits are known (`___mark_reg_known`, once they are). */
export function setKnown(d: BoundsDraft): void {
  const { valueHi, valueLo } = d.tnum;
  d.sminHi = d.smaxHi = d.uminHi = d.umaxHi = valueHi;
  d.sminLo = d.smaxLo = d.uminLo = d.umaxLo = valueLo;
  setKnown32(d);
}
