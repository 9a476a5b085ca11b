import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { pushJmpHistory } from "../explore/history.ts";
import { verboseLinfo } from "../log/insn-text.ts";
import { tnumText } from "../log/number-text.ts";
import { isConstant } from "../ranges/bounds.ts";
import { getRegWidth } from "../ranges/truncate.ts";
import type { Frame } from "../state/frame.ts";
import { stackAccessFlags } from "../state/history.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";
import { hasFixedOffset } from "./register-facts.ts";
import { checkFastcallStackContract, markStackRead } from "./stack-marks.ts";
import { checkStackRangeInitialized } from "./stack-range.ts";

/**
 * A load from the stack, inside its bounds and aligned (`check_stack_read`).
 *
 * @param off includes the pointer's fixed offset
 * @param dstRegno -1: the value goes to no register, and must not be a pointer where these are secret
 */
export function checkStackRead(
  env: Environment,
  ptrRegno: number,
  off: number,
  size: number,
  dstRegno: number,
): void {
  const reg = env.reg(ptrRegno);
  const { bounds } = reg;
  const frame = env.current.frames[reg.frameno]!;
  if (isConstant(bounds)) {
    checkStackReadFixedOff(env, frame, off + bounds.tnum.valueLo, size, dstRegno);
    return;
  }
  if (dstRegno < 0) {
    const text = tnumText(bounds.value, bounds.mask);
    env.refuse(
      Errno.EACCES,
      `variable offset stack pointer cannot be passed into helper function; var_off=${text} off=${off} size=${size}`,
    );
  }
  checkStackRangeInitialized(env, ptrRegno, off, size, false, "read", null);
  // dst may be the pointer itself: what is asked of it is asked before.
  const minOff = Number(bounds.smin) + off;
  const maxOff = Number(bounds.smax) + off;
  markRegStackRead(env, frame, minOff, maxOff + size, dstRegno);
  checkFastcallStackContract(env, frame, env.insnIdx, minOff);
}

/** The register gets bytes of the range: 0 if all are zeroes, else any number (`mark_reg_stack_read`). */
function markRegStackRead(
  env: Environment,
  frame: Frame,
  minOff: number,
  maxOff: number,
  dstRegno: number,
): void {
  let zeroes = 0;
  for (let i = minOff; i < maxOff; i++) {
    const byte = -i - 1;
    const spi = byte >> 3;
    env.scratchSlot(spi);
    if (frame.stack[spi]!.typeOf(byte & 7) !== SlotType.ZERO) break;
    zeroes++;
  }
  const dst = env.reg(dstRegno);
  if (zeroes === maxOff - minOff) dst.markConstant(0n, env.unknownIsPrecise);
  else dst.markUnknown(env.unknownIsPrecise);
}

function checkStackReadFixedOff(
  env: Environment,
  frame: Frame,
  off: number,
  size: number,
  dstRegno: number,
): void {
  const spi = (-off - 1) >> 3;
  const slot = frame.stack[spi]!;
  env.scratchSlot(spi);
  checkFastcallStackContract(env, env.frame, env.insnIdx, off);
  markStackRead(env, frame.frameno, spi);
  if (slot.isSpill) {
    if (fillRegister(env, slot, off, size, dstRegno)) {
      pushJmpHistory(env, env.current, stackAccessFlags(frame.frameno, spi), null);
    }
    return;
  }
  for (let i = 0; i < size; i++) {
    const type = slot.typeOf((-off - 1 - i) & 7);
    if (type === SlotType.MISC || type === SlotType.ZERO) continue;
    if (type === SlotType.INVALID && env.allowUninitStack) continue;
    env.refuse(Errno.EACCES, `invalid read from stack off ${off}+${i} size ${size}`);
  }
  if (dstRegno >= 0) markRegStackRead(env, frame, off, off + size, dstRegno);
}

/** Bytes of the slot that the spilled register stands in. */
function spillSize(slot: StackSlot): number {
  let size = 1;
  while (size < REG_SIZE && slot.typeOf(REG_SIZE - 1 - size) === SlotType.SPILL) size++;
  return size;
}

/** Reads from a slot with a spilled register. @returns whether the register that is read is, in whole or part, that one */
function fillRegister(
  env: Environment,
  slot: StackSlot,
  off: number,
  size: number,
  dstRegno: number,
): boolean {
  const { spilled } = slot;
  const spilledBytes = spillSize(slot);
  if (size === REG_SIZE && spilledBytes === REG_SIZE) {
    if (dstRegno >= 0) {
      env.reg(dstRegno).copyFrom(spilled);
    } else if (!env.allowPtrLeaks && spilled.type !== RegType.SCALAR_VALUE) {
      env.refuse(Errno.EACCES, `leaking pointer from stack off ${off}`);
    }
    return true;
  }
  if (spilled.type !== RegType.SCALAR_VALUE) {
    verboseLinfo(env, env.insnIdx, "; ");
    env.refuse(Errno.EACCES, "invalid size of register fill");
  }
  // As the kernel has it: without a register nothing is remembered of this access.
  if (dstRegno < 0) return false;
  const dst = env.reg(dstRegno);
  if (size <= spilledBytes && off % REG_SIZE === 0) {
    // What the register was defined by is decided already.
    const { subregDef } = dst;
    dst.copyFrom(spilled);
    dst.subregDef = subregDef;
    if (getRegWidth(dst) > size * 8) dst.unlink();
    return true;
  }
  let spills = 0;
  let zeroes = 0;
  for (let i = 0; i < size; i++) {
    const type = slot.typeOf((-off - 1 - i) & 7);
    if (type === SlotType.SPILL) spills++;
    else if (type === SlotType.ZERO) zeroes++;
    else if (type !== SlotType.MISC && !(type === SlotType.INVALID && env.allowUninitStack)) {
      env.refuse(Errno.EACCES, `invalid read from stack off ${off}+${i} size ${size}`);
    }
  }
  if (spills === size && hasFixedOffset(spilled.bounds)) {
    dst.markConstant(0n, env.unknownIsPrecise);
    return true;
  }
  if (zeroes === size) dst.markConstant(0n, env.unknownIsPrecise);
  else dst.markUnknown(env.unknownIsPrecise);
  return false;
}
