import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { sameCallsites } from "../explore/explored-states.ts";
import { pushStack } from "../explore/pending.ts";
import type { KfuncCall } from "../kfuncs/kfunc-meta.ts";
import { iterStateStr } from "../log/reg-type-text.ts";
import { IteratorState, type Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { markPtrNotNullReg } from "../transfer/null-marks.ts";
import { findPrevEntry, widenImpreciseScalars } from "./widening.ts";

/** The iterator of a call, in a state (`get_iter_from_state`). */
export function getIterFromState(state: VerifierState, meta: KfuncCall): Register {
  return state.frames[meta.iterFrameno]!.stack[meta.iterSpi]!.spilled;
}

/**
 * Splits the path at a call that moves an iterator on (`process_iter_next_call`): on this one nothing is left and the
 * result is NULL; on the other, explored later, there is an element, and what changed since the last time around the
 * loop is forgotten, so that the loop converges.
 */
export function processIterNextCall(env: Environment, insnIdx: number, meta: KfuncCall): void {
  const state = env.current;
  const iterator = getIterFromState(state, meta);
  const { iterState } = iterator;
  if (iterState !== IteratorState.ACTIVE && iterState !== IteratorState.DRAINED) {
    env.refuse(
      Errno.EFAULT,
      `verifier bug: unexpected iterator state ${iterState} (${iterStateStr(iterState)})`,
    );
  }
  if (iterState === IteratorState.ACTIVE) {
    // The call is a checkpoint: the state's parent is the one that was cached right here.
    const { parent } = state;
    if (parent === null || parent.insnIdx !== insnIdx || !sameCallsites(parent, state)) {
      env.refuse(Errno.EFAULT, "verifier bug: bad parent state for iter next call");
    }
    const previous = findPrevEntry(env, parent, insnIdx);
    const queued = pushStack(env, insnIdx + 1, insnIdx, false);
    if (queued === null) throw new Rejection(Errno.ENOMEM, "");
    const next = getIterFromState(queued, meta);
    next.iterState = IteratorState.ACTIVE;
    next.iterDepth++;
    if (previous !== null) widenImpreciseScalars(env, previous, queued);
    markPtrNotNullReg(queued.regs[0]!);
  }
  iterator.iterState = IteratorState.DRAINED;
  state.regs[0]!.markConstant(0n, env.unknownIsPrecise);
}
