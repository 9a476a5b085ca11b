import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { printVerifierState } from "../log/state-text.ts";
import { findPrevEntry, widenImpreciseScalars } from "../objects/widening.ts";
import { RegType } from "../state/reg-type.ts";
import { invalidScalarText, retvalRangeWithin } from "./return-range.ts";

/** The current function returns to its caller; `env.insnIdx` becomes where that goes on (`prepare_func_exit`). */
export function prepareFuncExit(env: Environment): void {
  env.stackLiveness.update();
  const state = env.current;
  const callee = state.frame;
  const r0 = callee.regs[0]!;
  if (r0.type === RegType.PTR_TO_STACK) {
    env.refuse(Errno.EINVAL, "cannot return stack pointer to the caller");
  }
  const caller = state.frames[state.curframe - 1]!;
  const { inCallback, callsite } = callee;
  if (inCallback) {
    if (r0.type !== RegType.SCALAR_VALUE) env.refuse(Errno.EACCES, "R0 not a scalar value");
    markChainPrecision(env, 0);
    if (!retvalRangeWithin(callee.callbackReturn, r0, false)) {
      env.refuse(Errno.EINVAL, invalidScalarText(r0, callee.callbackReturn, "At callback return", "R0"));
    }
    if (!env.aux[callsite]!.callsCallback) {
      env.refuse(
        Errno.EFAULT,
        `verifier bug: in callback at ${env.insnIdx}, callsite ${callsite} !calls_callback`,
      );
    }
  } else {
    caller.regs[0]!.copyFrom(r0);
  }
  // The call is simulated again after its callback: as often as it takes until nothing new is met.
  env.insnIdx = inCallback ? callsite : callsite + 1;
  if (env.log.perInstruction) {
    env.log.write("returning from callee:\n");
    printVerifierState(env, state, callee.frameno, { all: true });
    env.log.write(`to caller at ${env.insnIdx}:\n`);
    printVerifierState(env, state, caller.frameno, { all: true });
  }
  state.frames.pop();
  if (!inCallback) return;
  const previous = findPrevEntry(env, state, env.insnIdx);
  if (previous !== null) widenImpreciseScalars(env, previous, state);
}
