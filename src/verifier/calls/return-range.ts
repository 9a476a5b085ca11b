import { S64_MAX, S64_MIN } from "../ranges/bounds.ts";
import type { ReturnRange } from "../state/frame.ts";
import type { Register } from "../state/register.ts";

/** Every value that the register may have is in the range; `narrow`: its low half is (`retval_range_within`). */
export function retvalRangeWithin(range: ReturnRange, reg: Register, narrow: boolean): boolean {
  const { bounds } = reg;
  if (narrow) return range.min <= bounds.s32min && bounds.s32max <= range.max;
  return BigInt(range.min) <= bounds.smin && bounds.smax <= BigInt(range.max);
}

/** Words for a register whose value is out of the range (`verbose_invalid_scalar`). */
export function invalidScalarText(reg: Register, range: ReturnRange, context: string, name: string): string {
  const { smin, smax } = reg.bounds;
  let known = "";
  if (smin > S64_MIN) known += ` smin=${smin}`;
  if (smax < S64_MAX) known += ` smax=${smax}`;
  if (known === "") known = " unknown scalar value";
  return `${context} the register ${name} has${known} should have been in [${range.min}, ${range.max}]`;
}
