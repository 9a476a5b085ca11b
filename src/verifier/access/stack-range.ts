import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { isConstant } from "../ranges/bounds.ts";
import { RegType } from "../state/reg-type.ts";
import { SlotType } from "../state/stack-slot.ts";
import type { AccessType, CallMemory } from "./access-type.ts";
import { checkStackAccessWithinBounds } from "./stack-bounds.ts";
import { markStackRead, scrubSlot } from "./stack-marks.ts";

/**
 * A range of the stack is lent to a callee, or read at a variable offset: it must be initialised
 * (`check_stack_range_initialized`). What a callee may write becomes data of any value.
 *
 * @param off includes the register's fixed offset
 * @param meta with `rawMode`: the callee initialises the range; `meta` learns which it is. Null: no callee does.
 */
export function checkStackRangeInitialized(
  env: Environment,
  regno: number,
  off: number,
  accessSize: number,
  zeroSizeAllowed: boolean,
  type: AccessType,
  meta: CallMemory | null,
): void {
  if (accessSize === 0 && !zeroSizeAllowed) env.refuse(Errno.EACCES, "invalid zero-sized read");
  checkStackAccessWithinBounds(env, regno, off, accessSize, type);

  const reg = env.reg(regno);
  const { bounds } = reg;
  const constant = isConstant(bounds);
  let minOff: number;
  let maxOff: number;
  let raw = meta?.rawMode === true;
  if (constant) {
    minOff = bounds.tnum.valueLo + off;
    maxOff = minOff;
  } else {
    if (!env.bypassSpecV1) {
      const text = tnumText(bounds.value, bounds.mask);
      env.refuse(
        Errno.EACCES,
        `R${regno} variable offset stack access prohibited for !root, var_off=${text}`,
      );
    }
    // Which bytes the callee fills is unknown: all must be initialised before.
    raw = false;
    minOff = Number(bounds.smin) + off;
    maxOff = Number(bounds.smax) + off;
  }
  const end = maxOff + accessSize;
  if (meta !== null && raw) {
    refuseDynptrs(env, reg.frameno, minOff, end);
    meta.accessSize = accessSize;
    meta.regno = regno;
    return;
  }
  for (let i = minOff; i < end; i++) {
    if (readable(env, reg.frameno, i, type === "write")) continue;
    env.refuse(
      Errno.EACCES,
      constant
        ? `invalid read from stack R${regno} off ${minOff}+${i - minOff} size ${accessSize}`
        : `invalid read from stack R${regno} var_off ${tnumText(bounds.value, bounds.mask)}+${i - minOff} size ${accessSize}`,
    );
  }
}

/** The bytes that a callee fills must not lie in a dynptr, which may be another argument of the same call. */
function refuseDynptrs(env: Environment, frameno: number, start: number, end: number): void {
  const { stack } = env.current.frames[frameno]!;
  for (let i = start; i < end; i++) {
    const byte = -i - 1;
    // The stack may still be smaller than what the callee fills.
    const slot = stack[byte >> 3];
    if (slot === undefined) continue;
    if (slot.typeOf(byte & 7) === SlotType.DYNPTR) {
      env.refuse(Errno.EACCES, `potential write to dynptr at off=${i} disallowed`);
    }
  }
}

/** Whether the byte at `off` may be read; where it may also be overwritten, forgets what it holds. */
function readable(env: Environment, frameno: number, off: number, clobber: boolean): boolean {
  const byte = -off - 1;
  const spi = byte >> 3;
  const slot = env.current.frames[frameno]!.stack[spi];
  if (slot === undefined) return env.refuse(Errno.EFAULT, "allocated_stack too small");
  const at = byte & 7;
  const type = slot.typeOf(at);
  if (type === SlotType.ZERO || (type === SlotType.INVALID && env.allowUninitStack)) {
    if (clobber) slot.setType(at, SlotType.MISC);
  } else if (type !== SlotType.MISC) {
    const { spilled } = slot;
    if (!slot.isSpill || (spilled.type !== RegType.SCALAR_VALUE && !env.allowPtrLeaks)) return false;
    if (clobber) {
      spilled.markUnknown(env.unknownIsPrecise);
      scrubSlot(slot);
    }
  }
  markStackRead(env, frameno, spi);
  return true;
}
