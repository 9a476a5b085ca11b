import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { Register } from "../state/register.ts";
import { type Bounds, draftOf, isExact, UNKNOWN } from "./bounds.ts";
import { regBoundsSync } from "./sync.ts";
import { unbound32, unbound64 } from "./truncate.ts";
import { below32, below64, less64 } from "./words.ts";

/** What is wrong with bounds that no value can have, in Linux's words; null for sound ones. */
function violationOf(b: Bounds): string | null {
  if (
    below64(b.umaxHi, b.umaxLo, b.uminHi, b.uminLo) ||
    less64(b.smaxHi, b.smaxLo, b.sminHi, b.sminLo) ||
    below32(b.u32maxWord, b.u32minWord) ||
    b.s32max < b.s32min
  ) {
    return "range bounds violation";
  }
  const { valueHi, valueLo, maskHi, maskLo } = b.tnum;
  if (maskLo !== 0) return null;
  if (
    maskHi === 0 &&
    ((b.uminHi ^ valueHi) |
      (b.uminLo ^ valueLo) |
      (b.umaxHi ^ valueHi) |
      (b.umaxLo ^ valueLo) |
      (b.sminHi ^ valueHi) |
      (b.sminLo ^ valueLo) |
      (b.smaxHi ^ valueHi) |
      (b.smaxLo ^ valueLo)) !==
      0
  ) {
    return "const tnum out of sync with range bounds";
  }
  if (b.u32minWord !== valueLo || b.u32maxWord !== valueLo || b.s32min !== valueLo || b.s32max !== valueLo) {
    return "const subreg tnum out of sync with range bounds";
  }
  return null;
}

/** `%#llx`: the kernel's has a prefix for zero as well. */
function hex(value: bigint | number): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

/** `%#x` */
function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function rangesText(b: Bounds): string {
  return (
    `u64=[${hex(b.umin)}, ${hex(b.umax)}] s64=[${hex(b.smin)}, ${hex(b.smax)}] ` +
    `u32=[${hex32(b.u32min)}, ${hex32(b.u32max)}] s32=[${hex32(b.s32min)}, ${hex32(b.s32max)}] ` +
    `var_off=(${hex(b.value)}, ${hex(b.mask)})`
  );
}

/**
 * Bounds without their ranges, where these contradict each other: a sign of dead code, or of a fault of Linux's
 * deduction that programs meet there as here.
 *
 * @throws Rejection EFAULT, with `BPF_F_TEST_REG_INVARIANTS`
 */
export function saneBounds(env: Environment, bounds: Bounds, context: string): Bounds {
  if (bounds === UNKNOWN || isExact(bounds)) return bounds;
  const violation = violationOf(bounds);
  if (violation === null) return bounds;
  env.log.write(`verifier bug: REG INVARIANTS VIOLATION (${context}): ${violation} ${rangesText(bounds)}\n`);
  if (env.testRegInvariants) throw new Rejection(Errno.EFAULT, violation);
  const draft = draftOf(bounds);
  unbound32(draft);
  unbound64(draft);
  return draft;
}

/** `reg_bounds_sanity_check`; `context` says in the log where the bounds come from. */
export function regBoundsSanityCheck(env: Environment, reg: Register, context: string): void {
  reg.bounds = saneBounds(env, reg.bounds, context);
}

/** Narrows a result to `min` … `max`, signed, both included (`__mark_reg_s32_range`). */
export function markRegS32Range(env: Environment, reg: Register, min: number, max: number): void {
  const draft = draftOf(reg.bounds);
  if (draft.s32min < min) draft.s32min = min;
  if (draft.s32max > max) draft.s32max = max;
  if (less64(draft.sminHi, draft.sminLo, min >> 31, min)) {
    draft.sminHi = min >> 31;
    draft.sminLo = min;
  }
  if (less64(max >> 31, max, draft.smaxHi, draft.smaxLo)) {
    draft.smaxHi = max >> 31;
    draft.smaxLo = max;
  }
  reg.bounds = draft;
  regBoundsSync(reg);
  regBoundsSanityCheck(env, reg, "s32_range");
}
