import { FRAME_POINTER } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { Frame } from "../state/frame.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { frameInsnIdx, sameCallsites } from "./explored-states.ts";
import { incompleteReadMarks } from "./scc.ts";

/**
 * Removes, from the cached states here from which all paths were explored, what no later instruction reads: what
 * does not matter need not be equal (`clean_live_states`).
 */
export function cleanLiveStates(
  env: Environment,
  insnIdx: number,
  current: VerifierState,
  cached: readonly VerifierState[],
): void {
  for (let i = cached.length - 1; i >= 0; i--) {
    const state = cached[i]!;
    if (state.cleaned || state.branches !== 0 || state.insnIdx !== insnIdx) continue;
    if (!sameCallsites(state, current) || incompleteReadMarks(env, state)) continue;
    cleanVerifierState(env, state);
  }
}

/** `clean_verifier_state` */
export function cleanVerifierState(env: Environment, state: VerifierState): void {
  env.stackLiveness.query(state);
  state.cleaned = true;
  for (let frame = 0; frame < state.frames.length; frame++) {
    cleanFuncState(env, state.frames[frame]!, frameInsnIdx(state, frame));
  }
}

/** `clean_func_state` */
function cleanFuncState(env: Environment, frame: Frame, insnIdx: number): void {
  const live = env.aux[insnIdx]!.liveRegsBefore;
  for (let regno = 0; regno < FRAME_POINTER; regno++) {
    if ((live & (1 << regno)) === 0) env.pool.forgetRegister(frame, regno);
  }
  for (let spi = 0; spi < frame.stack.length; spi++) {
    if (!env.stackLiveness.alive(frame.frameno, spi)) env.pool.forgetSlot(frame, spi);
  }
}
