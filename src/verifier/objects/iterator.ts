import type { Btf } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import { acquireReference, releaseReference } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { IteratorState, type Register } from "../state/register.ts";
import { SlotType } from "../state/stack-slot.ts";
import {
  anyByte,
  everyByte,
  frameOf,
  markObjectWritten,
  slotOrReject,
  stackSlotObjGetSpi,
} from "./stack-object.ts";

/** The type of an open-coded iterator, a `struct bpf_iter_…`, and how many slots it takes. */
export interface IteratorType {
  readonly btf: Btf;
  readonly btfId: number;
  readonly slots: number;
}

/** `iter_get_spi`; negative as `stackSlotObjGetSpi` says. */
export function iterGetSpi(env: Environment, reg: Register, slots: number): number {
  return stackSlotObjGetSpi(env, reg, "iter", slots);
}

/**
 * The slots that a register points to become an iterator that has begun (`mark_stack_slots_iter`).
 *
 * @param flags MEM_RCU or PTR_UNTRUSTED for an iterator whose elements RCU protects, inside and outside of such a
 *   section; else 0
 */
export function markStackSlotsIter(
  env: Environment,
  reg: Register,
  insnIdx: number,
  type: IteratorType,
  flags: number,
): void {
  const frame = frameOf(env, reg);
  const spi = slotOrReject(iterGetSpi(env, reg, type.slots));
  const id = acquireReference(env, insnIdx);
  for (let i = 0; i < type.slots; i++) {
    const slot = frame.stack[spi - i]!;
    const { spilled } = slot;
    spilled.markKnownZero();
    spilled.type = RegType.PTR_TO_STACK | flags;
    spilled.refObjId = i === 0 ? id : 0;
    spilled.btf = type.btf;
    spilled.btfId = type.btfId;
    spilled.iterState = IteratorState.ACTIVE;
    spilled.iterDepth = 0;
    slot.fill(SlotType.ITER);
    env.scratchSlot(spi - i);
  }
  markObjectWritten(env, frame.frameno, spi, type.slots);
}

/** The iterator that a register points to has ended (`unmark_stack_slots_iter`). */
export function unmarkStackSlotsIter(env: Environment, reg: Register, slots: number): void {
  const frame = frameOf(env, reg);
  const spi = slotOrReject(iterGetSpi(env, reg, slots));
  releaseReference(env, frame.stack[spi]!.spilled.refObjId);
  for (let i = 0; i < slots; i++) {
    const slot = frame.stack[spi - i]!;
    const { spilled } = slot;
    spilled.markNotInit(env.unknownIsPrecise);
    slot.fill(SlotType.INVALID);
    env.scratchSlot(spi - i);
  }
  markObjectWritten(env, frame.frameno, spi, slots);
}

/** An iterator may be made where the register points to (`is_iter_reg_valid_uninit`). */
export function isIterRegValidUninit(env: Environment, reg: Register, slots: number): boolean {
  const spi = iterGetSpi(env, reg, slots);
  if (spi === -Errno.ERANGE) return true;
  if (spi < 0) return false;
  const { stack } = frameOf(env, reg);
  for (let i = 0; i < slots; i++) if (anyByte(stack[spi - i]!, SlotType.ITER)) return false;
  return true;
}

/**
 * Whether a register points to an iterator of that type that has begun (`is_iter_reg_valid_init`).
 *
 * @returns 0; `-EINVAL`: it does not; `-EPROTO`: the iterator began where RCU did not protect it
 */
export function isIterRegValidInit(env: Environment, reg: Register, type: IteratorType): number {
  const spi = iterGetSpi(env, reg, type.slots);
  if (spi < 0) return -Errno.EINVAL;
  const { stack } = frameOf(env, reg);
  for (let i = 0; i < type.slots; i++) {
    const slot = stack[spi - i]!;
    const { spilled } = slot;
    if ((spilled.type & TypeFlag.PTR_UNTRUSTED) !== 0) return -Errno.EPROTO;
    if ((i === 0) !== (spilled.refObjId !== 0)) return -Errno.EINVAL;
    if (spilled.btf !== type.btf || spilled.btfId !== type.btfId) return -Errno.EINVAL;
    if (!everyByte(slot, SlotType.ITER)) return -Errno.EINVAL;
  }
  return 0;
}
