import type { Insn } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import { inSleepable } from "../access/trust.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushAsyncCb, pushStack } from "../explore/pending.ts";
import { printVerifierState } from "../log/state-text.ts";
import { findSubprog } from "../program/subprograms.ts";
import { Frame } from "../state/frame.ts";
import { MAX_CALL_FRAMES } from "../state/limits.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { type SetCalleeState, setCalleeState } from "./callbacks.ts";
import { clearAllPktPointers } from "./invalidate.ts";
import { btfCheckSubprogCall } from "./subprogram-arguments.ts";

/** r0 to r5 hold nothing after a call (`clear_caller_saved_regs`). */
export function clearCallerSavedRegs(env: Environment, regs: readonly Register[]): void {
  for (let regno = 0; regno <= 5; regno++) {
    const reg = regs[regno]!;
    reg.markNotInit(env.unknownIsPrecise);
    reg.subregDef = env.insnIdx + 1;
    env.scratchReg(regno);
  }
}

/** Enters a function: it gets a frame, and `set` gives it its arguments (`setup_func_entry`). */
function setupFuncEntry(
  env: Environment,
  subprogno: number,
  callsite: number,
  set: SetCalleeState,
  state: VerifierState,
): void {
  const frameno = state.curframe + 1;
  if (frameno >= MAX_CALL_FRAMES) {
    env.refuse(Errno.E2BIG, `the call stack of ${frameno + 1} frames is too deep`);
  }
  const callee = Frame.create(callsite, frameno, subprogno, { precise: env.unknownIsPrecise });
  env.scratchAll();
  set(env, state.frame, callee, callsite);
  state.frames.push(callee);
}

/** When a callback runs: before the call returns, or later; later it may or may not sleep. */
export type CallbackTime = "sync" | "async" | "asyncSleepable";

/** The call at `insnIdx` has a function of the program called (`push_callback_call`). */
export function pushCallbackCall(
  env: Environment,
  insnIdx: number,
  subprogno: number,
  set: SetCalleeState,
  time: CallbackTime,
): void {
  const caller = env.frame;
  btfCheckSubprogCall(env, subprogno);
  const subprogram = env.subprograms[subprogno]!;
  subprogram.isCallback = true;
  if (time !== "sync") {
    subprogram.isAsyncCallback = true;
    const state = pushAsyncCb(env, subprogram.start, insnIdx, subprogno, time === "asyncSleepable");
    if (state === null) throw new Rejection(Errno.EFAULT, "");
    const callee = state.frames[0]!;
    callee.asyncEntryCnt = caller.asyncEntryCnt + 1;
    set(env, caller, callee, insnIdx);
    return;
  }
  // The callback is explored later; here the call goes on.
  const state = pushStack(env, subprogram.start, insnIdx, false);
  if (state === null) throw new Rejection(Errno.ENOMEM, "");
  setupFuncEntry(env, subprogno, insnIdx, set, state);
  state.callbackUnrollDepth++;
  state.frames[state.curframe - 1]!.callbackDepth++;
  caller.callbackDepth = 0;
}

/** A call of a function of the program: enters it, or takes a global one by its types (`check_func_call`). */
export function checkFuncCall(env: Environment, insn: Insn): void {
  const target = env.insnIdx + insn.imm + 1;
  const subprogno = findSubprog(env, target);
  if (subprogno < 0) {
    env.refuse(
      Errno.EFAULT,
      `verifier bug: target of func call at insn ${target} is not a program (subprog < 0)`,
    );
  }
  const state = env.current;
  const caller = state.frame;
  const problem = btfCheckSubprogCall(env, subprogno);
  if (env.subprograms[subprogno]!.global) {
    checkGlobalCall(env, subprogno, problem);
    return;
  }
  setupFuncEntry(env, subprogno, env.insnIdx, setCalleeState, state);
  clearCallerSavedRegs(env, caller.regs);
  env.insnIdx = env.subprograms[subprogno]!.start - 1;
  env.stackLiveness.resetCallchain();
  if (env.log.perInstruction) {
    env.log.write("caller:\n");
    printVerifierState(env, state, caller.frameno, { all: true });
    env.log.write("callee:\n");
    printVerifierState(env, state, state.curframe, { all: true });
  }
}

/** A global function is verified on its own: here only its types count. */
function checkGlobalCall(env: Environment, subprogno: number, problem: Rejection | null): void {
  const state = env.current;
  const subprogram = env.subprograms[subprogno]!;
  if (state.activeLocks !== 0) {
    env.refuse(
      Errno.EINVAL,
      "global function calls are not allowed while holding a lock,\nuse static function instead",
    );
  }
  const atomic = state.activeRcuLock || state.activePreemptLocks !== 0 || state.activeIrqId !== 0;
  if (subprogram.mightSleep && (atomic || !inSleepable(env))) {
    env.refuse(
      Errno.EINVAL,
      "global functions that may sleep are not allowed in non-sleepable context,\n" +
        "i.e., in a RCU/IRQ/preempt-disabled section, or in\n" +
        "a non-sleepable BPF program context",
    );
  }
  const func = `func#${subprogno} ('${subprogram.name}')`;
  if (problem !== null) env.refuse(problem.errno, `Caller passes invalid args into ${func}`);
  env.log.write(`F${func.slice(1)} is global and assumed valid.\n`);
  if (subprogram.changesPacket && env.release !== "6.1") clearAllPktPointers(env);
  subprogram.called = true;
  clearCallerSavedRegs(env, state.regs);
  env.markUnknown(0);
  env.reg(0).subregDef = DEF_NOT_SUBREG;
}
