import { Errno } from "../../uapi/index.ts";
import { acquireIrqState, releaseIrqState } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { RegType } from "../state/reg-type.ts";
import { IrqClass, type Register } from "../state/register.ts";
import { SlotType } from "../state/stack-slot.ts";
import {
  anyByte,
  everyByte,
  frameOf,
  markObjectRead,
  markObjectWritten,
  slotOrReject,
  stackSlotObjGetSpi,
} from "./stack-object.ts";

/** `irq_flag_get_spi`; negative as `stackSlotObjGetSpi` says. */
export function irqFlagGetSpi(env: Environment, reg: Register): number {
  return stackSlotObjGetSpi(env, reg, "irq_flag", 1);
}

/** The slot that a register points to keeps the interrupt state (`mark_stack_slot_irq_flag`). */
export function markStackSlotIrqFlag(
  env: Environment,
  reg: Register,
  insnIdx: number,
  irqClass: IrqClass,
): void {
  const spi = slotOrReject(irqFlagGetSpi(env, reg));
  const id = acquireIrqState(env, insnIdx);
  const slot = frameOf(env, reg).stack[spi]!;
  const { spilled } = slot;
  markObjectWritten(env, reg.frameno, spi, 1);
  spilled.markKnownZero();
  spilled.type = RegType.PTR_TO_STACK;
  spilled.refObjId = id;
  spilled.irqClass = irqClass;
  slot.fill(SlotType.IRQ_FLAG);
  env.scratchSlot(spi);
}

const CLASS_TEXT: { readonly [irqClass in IrqClass]: string } = {
  [IrqClass.NATIVE]: "native",
  [IrqClass.LOCK]: "lock",
};

/** The interrupt state in the slot that a register points to is restored (`unmark_stack_slot_irq_flag`). */
export function unmarkStackSlotIrqFlag(env: Environment, reg: Register, irqClass: IrqClass): void {
  const spi = slotOrReject(irqFlagGetSpi(env, reg));
  const slot = frameOf(env, reg).stack[spi]!;
  const { spilled } = slot;
  if (spilled.irqClass !== irqClass) {
    env.refuse(
      Errno.EINVAL,
      `irq flag acquired by ${CLASS_TEXT[spilled.irqClass]} kfuncs cannot be restored with ${CLASS_TEXT[irqClass]} kfuncs`,
    );
  }
  const state = env.current;
  if (!releaseIrqState(state, spilled.refObjId)) {
    const acquired = state.refs.find((ref) => ref.id === state.activeIrqId)?.insnIdx ?? 0;
    env.refuse(
      Errno.EACCES,
      `cannot restore irq state out of order, expected id=${state.activeIrqId} acquired at insn_idx=${acquired}`,
    );
  }
  spilled.markNotInit(env.unknownIsPrecise);
  markObjectWritten(env, reg.frameno, spi, 1);
  slot.fill(SlotType.INVALID);
  env.scratchSlot(spi);
}

/** The interrupt state may be kept where the register points to (`is_irq_flag_reg_valid_uninit`). */
export function isIrqFlagRegValidUninit(env: Environment, reg: Register): boolean {
  const spi = irqFlagGetSpi(env, reg);
  if (spi === -Errno.ERANGE) return true;
  return spi >= 0 && !anyByte(frameOf(env, reg).stack[spi]!, SlotType.IRQ_FLAG);
}

/** The register points to a saved interrupt state (`is_irq_flag_reg_valid_init`). */
export function isIrqFlagRegValidInit(env: Environment, reg: Register): boolean {
  const spi = irqFlagGetSpi(env, reg);
  if (spi < 0) return false;
  const slot = frameOf(env, reg).stack[spi]!;
  return slot.spilled.refObjId !== 0 && everyByte(slot, SlotType.IRQ_FLAG);
}

/** `mark_irq_flag_read` */
export function markIrqFlagRead(env: Environment, reg: Register): void {
  const spi = irqFlagGetSpi(env, reg);
  if (spi < 0) throw new Rejection(-spi, "");
  markObjectRead(env, reg, spi, 1);
}
