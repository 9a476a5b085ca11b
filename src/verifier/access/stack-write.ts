import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushJmpHistory } from "../explore/history.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { verboseLinfo } from "../log/insn-text.ts";
import { destroyIfDynptrStackSlot } from "../objects/dynptr.ts";
import { isConstant } from "../ranges/bounds.ts";
import { getRegWidth } from "../ranges/truncate.ts";
import type { Frame } from "../state/frame.ts";
import { stackAccessFlags } from "../state/history.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";
import { assignScalarIdBeforeMov } from "../transfer/linked-registers.ts";
import { isSpillableRegtype, registerIsNull } from "./register-facts.ts";
import { checkFastcallStackContract, isSpecialSlot, markStackWrite, scrubSlot } from "./stack-marks.ts";

/**
 * A store to the stack, inside its bounds and aligned (`check_stack_write`).
 *
 * @param off includes the pointer's fixed offset
 * @param valueRegno -1: no register's value
 */
export function checkStackWrite(
  env: Environment,
  ptrRegno: number,
  off: number,
  size: number,
  valueRegno: number,
  insnIdx: number,
): void {
  const reg = env.reg(ptrRegno);
  const frame = env.current.frames[reg.frameno]!;
  if (isConstant(reg.bounds)) {
    checkStackWriteFixedOff(env, frame, off + reg.bounds.tnum.valueLo, size, valueRegno, insnIdx);
  } else {
    checkStackWriteVarOff(env, frame, reg, off, size, valueRegno, insnIdx);
  }
}

/** The instruction is a store of an immediate. */
function isImmediateStore(env: Environment, insnIdx: number): boolean {
  const row = env.rows[insnIdx];
  return row !== undefined && row.kind === "store" && row.source === "imm";
}

/** `save_register_state`: the register's low `size` bytes stand in the slot's lowest ones. */
function saveRegisterState(slot: StackSlot, reg: Register, size: number): void {
  slot.spilled.copyFrom(reg);
  markSpill(slot, size);
}

/** As {@link saveRegisterState}, of the constant that a store of an immediate writes. */
function saveConstant(slot: StackSlot, imm: number, size: number): void {
  slot.spilled.markConstant(BigInt(imm), false);
  slot.spilled.frameno = 0;
  slot.spilled.subregDef = DEF_NOT_SUBREG;
  markSpill(slot, size);
}

function markSpill(slot: StackSlot, size: number): void {
  for (let i = REG_SIZE - size; i < REG_SIZE; i++) slot.setType(i, SlotType.SPILL);
  // Zeroes stay zeroes; what was never written must not become readable (`mark_stack_slot_misc`).
  for (let i = 0; i < REG_SIZE - size; i++) {
    const type = slot.typeOf(i);
    if (type !== SlotType.ZERO && type !== SlotType.INVALID) slot.setType(i, SlotType.MISC);
  }
}

/**
 * A CPU that does not know yet of this store may read what the bytes held: a pointer, or nothing of the program's.
 * `byte` is that of the slots where the store begins.
 */
function needsSpeculationBarrier(slot: StackSlot, reg: Register | null, byte: number, size: number): boolean {
  if (reg !== null && isSpillableRegtype(reg.type)) return true;
  for (let i = 0; i < size; i++) {
    const type = slot.typeOf((byte - i) & 7);
    if (type !== SlotType.MISC && type !== SlotType.ZERO) return true;
  }
  return false;
}

function checkStackWriteFixedOff(
  env: Environment,
  frame: Frame,
  off: number,
  size: number,
  valueRegno: number,
  insnIdx: number,
): void {
  const byte = -off - 1;
  const spi = byte >> 3;
  const slot = frame.stack[spi]!;
  if (!env.allowPtrLeaks && size !== REG_SIZE && slot.isSpill && slot.spilled.type !== RegType.SCALAR_VALUE) {
    env.refuse(Errno.EACCES, "attempt to corrupt spilled pointer on stack");
  }
  const current = env.frame;
  const reg = valueRegno >= 0 ? current.regs[valueRegno]! : null;
  if (!env.bypassSpecV4 && needsSpeculationBarrier(slot, reg, byte, size))
    env.aux[insnIdx]!.nospecResult = true;
  destroyIfDynptrStackSlot(env, frame, spi);

  const atSlot = off % REG_SIZE === 0;
  if (atSlot && size === REG_SIZE) markStackWrite(env, frame.frameno, spi);
  checkFastcallStackContract(env, frame, insnIdx, off);
  env.scratchSlot(spi);
  const insn = env.insns[insnIdx]!;
  if (reg !== null && atSlot && reg.type === RegType.SCALAR_VALUE && env.bpfCapable) {
    const fits = getRegWidth(reg) <= 8 * size;
    if (fits) assignScalarIdBeforeMov(env, reg);
    saveRegisterState(slot, reg, size);
    // What is spilled of a wider value is another value.
    if (!fits) slot.spilled.unlink();
  } else if (reg === null && atSlot && env.bpfCapable && isImmediateStore(env, insnIdx)) {
    saveConstant(slot, insn.imm, size);
  } else if (reg !== null && isSpillableRegtype(reg.type)) {
    if (size !== REG_SIZE) {
      verboseLinfo(env, insnIdx, "; ");
      env.refuse(Errno.EACCES, "invalid size of register spill");
    }
    if (frame !== current && reg.type === RegType.PTR_TO_STACK) {
      env.refuse(Errno.EINVAL, "cannot spill pointers to stack into stack frame of the caller");
    }
    saveRegisterState(slot, reg, size);
  } else {
    slot.spilled.type = RegType.NOT_INIT;
    if (isSpecialSlot(slot)) scrubSlot(slot);
    let type: SlotType = SlotType.MISC;
    if (reg !== null ? registerIsNull(reg) : insn.imm === 0 && isImmediateStore(env, insnIdx)) {
      // No spill that backtracking could follow to the register: its zero is relied upon here.
      markChainPrecision(env, valueRegno);
      type = SlotType.ZERO;
    }
    for (let i = 0; i < size; i++) slot.setType((byte - i) & 7, type);
    return;
  }
  pushJmpHistory(env, env.current, stackAccessFlags(frame.frameno, spi), null);
}

/**
 * A store somewhere into a range: each slot of it may have been written (`check_stack_write_var_off`). For who may
 * read uninitialised stack all bytes of the range count as written.
 */
function checkStackWriteVarOff(
  env: Environment,
  frame: Frame,
  ptr: Register,
  off: number,
  size: number,
  valueRegno: number,
  insnIdx: number,
): void {
  const minOff = Number(ptr.bounds.smin) + off;
  const maxOff = Number(ptr.bounds.smax) + off + size;
  const writesZero =
    valueRegno >= 0
      ? registerIsNull(env.reg(valueRegno))
      : env.insns[insnIdx]!.imm === 0 && isImmediateStore(env, insnIdx);
  /** Bytes stay zeroes because a zero is written. */
  let zeroUsed = false;

  for (let i = minOff; i < maxOff; i++) destroyIfDynptrStackSlot(env, frame, (-i - 1) >> 3);
  checkFastcallStackContract(env, frame, insnIdx, minOff);
  for (let i = minOff; i < maxOff; i++) {
    const byte = -i - 1;
    const spi = byte >> 3;
    const slot = frame.stack[spi]!;
    const at = byte & 7;
    const type = slot.typeOf(at);
    env.scratchSlot(spi);
    if (!env.allowPtrLeaks && type !== SlotType.MISC && type !== SlotType.ZERO) {
      // The pointer would be forgotten, although it may still be there. No line break: the kernel has none either.
      const message = `spilled ptr in range of var-offset stack write; insn ${insnIdx}, ptr off: ${i}`;
      env.log.write(message);
      throw new Rejection(Errno.EINVAL, message);
    }
    if (writesZero && type === SlotType.SPILL && slot.isSpill && registerIsNull(slot.spilled)) {
      zeroUsed = true;
      continue;
    }
    slot.spilled.type = RegType.NOT_INIT;
    // Since Linux 6.18.44 at the latest; 6.18.2 forgot the register, but not that its other bytes were spilled.
    if (isSpecialSlot(slot)) scrubSlot(slot);
    if (type === SlotType.INVALID && !env.allowUninitStack) {
      env.refuse(
        Errno.EINVAL,
        `uninit stack in range of var-offset write prohibited for !root; insn ${insnIdx}, off: ${i}`,
      );
    }
    const staysZero = writesZero && slot.typeOf(at) === SlotType.ZERO;
    zeroUsed ||= staysZero;
    slot.setType(at, staysZero ? SlotType.ZERO : SlotType.MISC);
  }
  if (zeroUsed) markChainPrecision(env, valueRegno);
}
