import { CallKind, FRAME_POINTER, Operation } from "../../isa/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { verboseInsn } from "../log/insn-text.ts";
import { isSyncCallbackCallingInsn } from "../program/callback-calls.ts";
import { isPseudoCall } from "../program/flow-kind.ts";
import { findSubprog } from "../program/subprograms.ts";
import { type HistoryEntry, HistoryFlag, stackAccessFrameno, stackAccessSpi } from "../state/history.ts";
import { MAX_CALL_FRAMES } from "../state/limits.ts";
import type { BacktrackMasks } from "./backtrack-masks.ts";

/** r1 to r5. */
const ARGUMENTS = 0x3e;

/**
 * Goes one instruction back: from what must be precise behind it, in `env.backtrack`, to what must be before it
 * (`backtrack_insn`).
 *
 * @param subseqIdx the instruction that was executed next; -1 at the start
 * @param hist what was noted when it was executed
 * @returns false where this cannot be told: everything must be taken for precise then
 */
export function backtrackInsn(
  env: Environment,
  idx: number,
  subseqIdx: number,
  hist: HistoryEntry | null,
): boolean {
  const insn = env.insns[idx]!;
  const row = env.rows[idx];
  if (insn.opcode === 0 || row === undefined) return true;
  const masks = env.backtrack;
  if (env.log.level2) {
    const { frame } = masks;
    env.log.write(
      `mark_precise: frame${frame}: regs=${masks.regsText(frame)} stack=${masks.slotsText(frame)} before ${idx}: `,
    );
    verboseInsn(env, idx);
  }
  syncLinkedRegs(masks, hist);
  const { frame } = masks;
  const { dst, src } = insn;
  switch (row.kind) {
    case "alu":
    case "cast":
      if (!masks.hasReg(frame, dst)) return true;
      if (row.operation === Operation.mov || row.operation === Operation.movsx || row.kind === "cast") {
        masks.clearReg(frame, dst);
      }
      if (row.source !== "imm" && src !== FRAME_POINTER) masks.setReg(frame, src);
      break;
    case "neg":
    case "end":
      if (!masks.hasReg(frame, dst)) return true;
      break;
    case "load":
    case "loadAcquire":
      if (!masks.hasReg(frame, dst)) return true;
      masks.clearReg(frame, dst);
      if (!accessesStack(hist)) return true;
      masks.setSlot(stackAccessFrameno(hist.flags), stackAccessSpi(hist.flags));
      break;
    case "store":
    case "atomic":
    case "storeRelease": {
      // A scalar that addresses memory: the difference of two pointers.
      if (masks.hasReg(frame, dst)) return false;
      if (!accessesStack(hist)) return true;
      const spi = stackAccessSpi(hist.flags);
      const accessed = stackAccessFrameno(hist.flags);
      if (!masks.hasSlot(accessed, spi)) return true;
      masks.clearSlot(accessed, spi);
      if (row.source !== "imm") masks.setReg(frame, src);
      break;
    }
    case "call":
      // The call of a kfunc without a number is refused later.
      if (insn.src === CallKind.kfunc && insn.imm === 0) return false;
      if (!backtrackCall(env, idx, subseqIdx)) return true;
      break;
    case "exit":
      backtrackExit(env, subseqIdx);
      return true;
    case "branch":
      if (row.source !== "reg") break;
      if (!masks.hasReg(frame, dst) && !masks.hasReg(frame, src)) return true;
      if (hist === null || (hist.flags & HistoryFlag.SRC_REG_STACK) === 0) masks.setReg(frame, src);
      if (hist === null || (hist.flags & HistoryFlag.DST_REG_STACK) === 0) masks.setReg(frame, dst);
      break;
    case "wide":
      if (!masks.hasReg(frame, dst)) return true;
      masks.clearReg(frame, dst);
      break;
    case "packet":
      if (!masks.hasReg(frame, dst)) return true;
      masks.clearReg(frame, dst);
      return false;
    default:
      break;
  }
  // What became precise here makes what is linked to it precise.
  syncLinkedRegs(masks, hist);
  return true;
}

function accessesStack(hist: HistoryEntry | null): hist is HistoryEntry {
  return hist !== null && (hist.flags & HistoryFlag.STACK_ACCESS) !== 0;
}

/** Where one register that shared its value here is precise, all are (`bt_sync_linked_regs`). */
function syncLinkedRegs(masks: BacktrackMasks, hist: HistoryEntry | null): void {
  if (hist === null || hist.linkedRegs === null) return;
  const linked = hist.linkedRegs;
  let precise = false;
  for (const { frameno, index, isReg } of linked) {
    if (isReg ? masks.hasReg(frameno, index) : masks.hasSlot(frameno, index)) {
      precise = true;
      break;
    }
  }
  if (!precise) return;
  for (const { frameno, index, isReg } of linked) {
    if (isReg) masks.setReg(frameno, index);
    else masks.setSlot(frameno, index);
  }
}

/** @returns whether linked registers are to be looked at again; false ends the step */
function backtrackCall(env: Environment, idx: number, subseqIdx: number): boolean {
  const masks = env.backtrack;
  const { frame } = masks;
  const insn = env.insns[idx]!;
  if (isPseudoCall(insn)) {
    backtrackLocalCall(env, idx + insn.imm + 1);
    return false;
  }
  if (isSyncCallbackCallingInsn(env, insn) && idx !== subseqIdx - 1) {
    // Out of a callback, whose arguments its caller made: nothing to follow.
    expectOnly(env, ARGUMENTS, "callback unexpected regs");
    if (masks.hasSlots(frame)) bug(env, `callback leftover stack slots ${masks.slotsHex(frame)}`);
    clearArguments(masks);
    leaveSubprog(env);
    return false;
  }
  masks.clearReg(frame, 0);
  expectOnly(env, ~ARGUMENTS, "backtracking call unexpected regs");
  if (insn.src === CallKind.helper && insn.imm === BpfFuncId.tail_call && subseqIdx - idx !== 1) {
    enterSubprog(env);
  }
  return true;
}

function backtrackLocalCall(env: Environment, target: number): void {
  const masks = env.backtrack;
  const { frame } = masks;
  const subprog = findSubprog(env, target);
  if (subprog < 0) throw new Rejection(Errno.EFAULT, "");
  if (env.subprograms[subprog]!.global) {
    expectOnly(env, ~ARGUMENTS, "global subprog unexpected regs");
    masks.clearReg(frame, 0);
    return;
  }
  expectOnly(env, ARGUMENTS, "static subprog unexpected regs");
  if (masks.hasSlots(frame)) bug(env, `static subprog leftover stack slots ${masks.slotsHex(frame)}`);
  for (let regno = 1; regno <= 5; regno++) {
    if (!masks.hasReg(frame, regno)) continue;
    masks.clearReg(frame, regno);
    masks.setReg(frame - 1, regno);
  }
  leaveSubprog(env);
}

/** Into a function that returned. */
function backtrackExit(env: Environment, subseqIdx: number): void {
  const masks = env.backtrack;
  // Behind a callback, arguments are its caller's doing.
  if (subseqIdx >= 0 && env.aux[subseqIdx]!.callsCallback) clearArguments(masks);
  expectOnly(env, ~ARGUMENTS, "backtracking exit unexpected regs");
  const { frame } = masks;
  const call = subseqIdx >= 1 ? env.insns[subseqIdx - 1]! : null;
  const result = call !== null && isPseudoCall(call) && masks.hasReg(frame, 0);
  masks.clearReg(frame, 0);
  enterSubprog(env);
  if (result) masks.setReg(masks.frame, 0);
}

function clearArguments(masks: BacktrackMasks): void {
  for (let regno = 1; regno <= 5; regno++) masks.clearReg(masks.frame, regno);
}

/** No other registers than `allowed` may be looked for. */
function expectOnly(env: Environment, allowed: number, what: string): void {
  const masks = env.backtrack;
  if ((masks.regs(masks.frame) & ~allowed) !== 0) bug(env, `${what} ${masks.regsHex(masks.frame)}`);
}

function enterSubprog(env: Environment): void {
  const masks = env.backtrack;
  if (masks.frame === MAX_CALL_FRAMES - 1) bug(env, `subprog enter from frame ${masks.frame}`);
  masks.frame++;
}

function leaveSubprog(env: Environment): void {
  const masks = env.backtrack;
  if (masks.frame === 0) bug(env, "subprog exit from frame 0");
  masks.frame--;
}

/** What should not happen (`verifier_bug`). */
function bug(env: Environment, message: string): never {
  env.refuse(Errno.EFAULT, `verifier bug: ${message}`);
}
