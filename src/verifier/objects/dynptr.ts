import { Errno } from "../../uapi/index.ts";
import { ArgType } from "../calls/argument-type.ts";
import { markRegInvalid } from "../calls/invalidate.ts";
import { acquireReference, releaseReference } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { Frame } from "../state/frame.ts";
import { DYNPTR_SLOTS } from "../state/limits.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { DynptrType, type Register } from "../state/register.ts";
import { SlotType } from "../state/stack-slot.ts";
import { argToDynptrType, isRefcountedDynptr } from "./dynptr-kind.ts";
import {
  everyByte,
  frameOf,
  markObjectRead,
  markObjectWritten,
  slotIndex,
  slotOrReject,
  stackSlotObjGetSpi,
} from "./stack-object.ts";

/** `dynptr_get_spi`; negative as `stackSlotObjGetSpi` says. */
export function dynptrGetSpi(env: Environment, reg: Register): number {
  return stackSlotObjGetSpi(env, reg, "dynptr", DYNPTR_SLOTS);
}

/** `__mark_dynptr_reg`: the state of a dynptr's slot, or of a callback's argument that is one. */
export function markDynptrReg(reg: Register, kind: DynptrType, firstSlot: boolean, id: number): void {
  reg.markKnownZero();
  // Of a slot nobody asks for the type; of an argument it has to be this one.
  reg.type = RegType.CONST_PTR_TO_DYNPTR;
  reg.id = id;
  reg.dynptrType = kind;
  reg.dynptrFirstSlot = firstSlot;
}

/** `mark_dynptr_cb_reg` */
export function markDynptrCbReg(env: Environment, reg: Register, kind: DynptrType): void {
  markDynptrReg(reg, kind, true, ++env.idGen);
}

/**
 * The slots that a register points to become a dynptr of the kind in `argType` (`mark_stack_slots_dynptr`).
 *
 * @param cloneRefObjId reference of the dynptr that this one is a clone of; 0: it takes one of its own
 */
export function markStackSlotsDynptr(
  env: Environment,
  reg: Register,
  argType: number,
  insnIdx: number,
  cloneRefObjId: number,
): void {
  const frame = frameOf(env, reg);
  const spi = slotOrReject(dynptrGetSpi(env, reg));
  // Either slot may belong to a dynptr of its own.
  destroyIfDynptrStackSlot(env, frame, spi);
  destroyIfDynptrStackSlot(env, frame, spi - 1);
  const first = frame.stack[spi]!;
  const second = frame.stack[spi - 1]!;
  first.fill(SlotType.DYNPTR);
  second.fill(SlotType.DYNPTR);
  const kind = argToDynptrType(argType);
  if (kind === DynptrType.INVALID) throw new Rejection(Errno.EINVAL, "");
  const id = ++env.idGen;
  markDynptrReg(first.spilled, kind, true, id);
  markDynptrReg(second.spilled, kind, false, id);
  if (isRefcountedDynptr(kind)) {
    const reference = cloneRefObjId !== 0 ? cloneRefObjId : acquireReference(env, insnIdx);
    first.spilled.refObjId = reference;
    second.spilled.refObjId = reference;
  }
  markObjectWritten(env, frame.frameno, spi, DYNPTR_SLOTS);
}

/** Both slots of a dynptr hold nothing any more (`invalidate_dynptr`); `spi` is its first. */
export function invalidateDynptr(env: Environment, frame: Frame, spi: number): void {
  for (const slot of [frame.stack[spi]!, frame.stack[spi - 1]!]) {
    slot.fill(SlotType.INVALID);
    slot.spilled.markNotInit(env.unknownIsPrecise);
  }
  markObjectWritten(env, frame.frameno, spi, DYNPTR_SLOTS);
}

/** The dynptr that a register points to is given back, with its clones and slices (`unmark_stack_slots_dynptr`). */
export function unmarkStackSlotsDynptr(env: Environment, reg: Register): void {
  const frame = frameOf(env, reg);
  const spi = slotOrReject(dynptrGetSpi(env, reg));
  const { spilled } = frame.stack[spi]!;
  if (!isRefcountedDynptr(spilled.dynptrType)) {
    invalidateDynptr(env, frame, spi);
    return;
  }
  const { refObjId } = spilled;
  releaseReference(env, refObjId);
  for (let i = 1; i < frame.stack.length; i++) {
    const slot = frame.stack[i]!;
    if (slot.spilled.refObjId !== refObjId) continue;
    if (slot.typeOf(0) !== SlotType.DYNPTR) {
      env.refuse(Errno.EFAULT, "verifier bug: misconfigured ref_obj_id");
    }
    if (slot.spilled.dynptrFirstSlot) invalidateDynptr(env, frame, i);
  }
}

/** A slot is written to: the dynptr there is destroyed, its slices with it (`destroy_if_dynptr_stack_slot`). */
export function destroyIfDynptrStackSlot(env: Environment, frame: Frame, spi: number): void {
  // A dynptr's slots are never marked in part: one byte tells.
  const slot = frame.stack[spi]!;
  if (slot.typeOf(0) !== SlotType.DYNPTR) return;
  if (!slot.spilled.dynptrFirstSlot) spi++;
  const { spilled } = frame.stack[spi]!;
  if (isRefcountedDynptr(spilled.dynptrType)) {
    env.refuse(Errno.EINVAL, "cannot overwrite referenced dynptr");
  }
  env.scratchSlot(spi);
  env.scratchSlot(spi - 1);
  const { id } = spilled;
  frame.stack[spi]!.fill(SlotType.INVALID);
  frame.stack[spi - 1]!.fill(SlotType.INVALID);
  env.current.forEachRegister((reg) => {
    if (reg.type !== RegType.PTR_TO_MEM && reg.type !== (RegType.PTR_TO_MEM | TypeFlag.PTR_MAYBE_NULL))
      return;
    if (reg.dynptrId === id) markRegInvalid(env, reg);
  });
  // A reference stays: the dynptr is destroyed, not given back.
  invalidateDynptr(env, frame, spi);
}

/** A dynptr may be made where the register points to (`is_dynptr_reg_valid_uninit`). */
export function isDynptrRegValidUninit(env: Environment, reg: Register): boolean {
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return false;
  // Where the stack is not that deep yet, the write that follows makes it so.
  const spi = dynptrGetSpi(env, reg);
  return spi >= 0 || spi === -Errno.ERANGE;
}

/** The register points to a dynptr's first slot, or is one (`is_dynptr_reg_valid_init`). */
export function isDynptrRegValidInit(env: Environment, reg: Register): boolean {
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return true;
  const spi = dynptrGetSpi(env, reg);
  if (spi < 0) return false;
  const { stack } = frameOf(env, reg);
  return (
    stack[spi]!.spilled.dynptrFirstSlot &&
    everyByte(stack[spi]!, SlotType.DYNPTR) &&
    everyByte(stack[spi - 1]!, SlotType.DYNPTR)
  );
}

/** The dynptr is of the kind that the argument asks for (`is_dynptr_type_expected`). */
export function isDynptrTypeExpected(env: Environment, reg: Register, argType: number): boolean {
  if (argType === ArgType.ARG_PTR_TO_DYNPTR) return true;
  const kind = argToDynptrType(argType);
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return reg.dynptrType === kind;
  const spi = dynptrGetSpi(env, reg);
  return spi >= 0 && frameOf(env, reg).stack[spi]!.spilled.dynptrType === kind;
}

/** `mark_dynptr_read`; of one that is a register, its read is marked already. */
export function markDynptrRead(env: Environment, reg: Register): void {
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return;
  markObjectRead(env, reg, slotOrReject(dynptrGetSpi(env, reg)), DYNPTR_SLOTS);
}

/** The state of an initialised dynptr, wherever it is. */
function dynptrState(env: Environment, reg: Register): Register {
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return reg;
  return frameOf(env, reg).stack[slotOrReject(dynptrGetSpi(env, reg))]!.spilled;
}

/** Id that ties slices to the dynptr (`dynptr_id`). */
export function dynptrId(env: Environment, reg: Register): number {
  return dynptrState(env, reg).id;
}

/** `dynptr_ref_obj_id`; 0 for none. */
export function dynptrRefObjId(env: Environment, reg: Register): number {
  return dynptrState(env, reg).refObjId;
}

/** `dynptr_get_type` */
export function dynptrGetType(env: Environment, reg: Register): DynptrType {
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) return reg.dynptrType;
  const slot = frameOf(env, reg).stack[slotIndex(reg.off)];
  if (slot === undefined) {
    env.log.write("verifier internal error: invalid spi when querying dynptr type\n");
    return DynptrType.INVALID;
  }
  return slot.spilled.dynptrType;
}
