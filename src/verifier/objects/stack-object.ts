import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { isConstant } from "../ranges/bounds.ts";
import type { Frame } from "../state/frame.ts";
import { REG_SIZE } from "../state/limits.ts";
import type { Register } from "../state/register.ts";
import type { SlotType, StackSlot } from "../state/stack-slot.ts";

/** The frame that a pointer to the stack points into (`func`). */
export function frameOf(env: Environment, reg: Register): Frame {
  return env.current.frames[reg.frameno]!;
}

/** Index of the slot that holds the byte at `off` from the frame pointer (`__get_spi`). */
export function slotIndex(off: number): number {
  return Math.trunc((-off - 1) / REG_SIZE) | 0;
}

/** Fixed and known variable offset of a pointer together, as the kernel's `int` holds it. */
export function constantOffset(reg: Register): number {
  const { value } = reg.bounds;
  return value === 0n ? reg.off : Number(BigInt.asIntN(32, BigInt(reg.off) + value));
}

/**
 * The slot at which an object of `slots` slots begins that a register points to; the others have lower numbers
 * (`stack_slot_obj_get_spi`).
 *
 * @returns `-ERANGE` where the stack is not that deep yet; `-EINVAL`, with words in the log, where no object can be
 */
export function stackSlotObjGetSpi(env: Environment, reg: Register, kind: string, slots: number): number {
  if (!isConstant(reg.bounds)) {
    env.log.write(`${kind} has to be at a constant offset\n`);
    return -Errno.EINVAL;
  }
  const off = constantOffset(reg);
  const spi = slotIndex(off);
  if (off % REG_SIZE !== 0 || spi + 1 < slots) {
    env.log.write(`cannot pass in ${kind} at an offset=${off}\n`);
    return -Errno.EINVAL;
  }
  return spi < frameOf(env, reg).stack.length ? spi : -Errno.ERANGE;
}

/** A slot's number, or the error without further words that it stands for. */
export function slotOrReject(spi: number): number {
  if (spi < 0) throw new Rejection(-spi, "");
  return spi;
}

export function everyByte(slot: StackSlot, type: SlotType): boolean {
  return slot.isFilled(type);
}

export function anyByte(slot: StackSlot, type: SlotType): boolean {
  return slot.includes(type);
}

/** An object of `slots` slots was overwritten or destroyed (`bpf_mark_stack_write`). */
export function markObjectWritten(env: Environment, frameno: number, spi: number, slots: number): void {
  env.stackLiveness.markWrite(frameno, spi, slots);
}

/** An object of `slots` slots is used (`mark_stack_slot_obj_read`). */
export function markObjectRead(env: Environment, reg: Register, spi: number, slots: number): void {
  env.stackLiveness.markRead(reg.frameno, env.insnIdx, spi, slots);
  for (let i = 0; i < slots; i++) env.scratchSlot(spi - i);
}
