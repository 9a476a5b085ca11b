import type { Environment, PendingState } from "../environment/environment.ts";
import { Frame, MAIN_FUNC } from "../state/frame.ts";
import { MAX_PENDING_STATES } from "../state/limits.ts";
import { VerifierState } from "../state/verifier-state.ts";

/** So many of the states that wait are soon at hand again: to save memory on them takes more time than it saves. */
const NEXT = 16;

/**
 * Puts a copy of the current state aside, to be explored from `insnIdx` on (`push_stack`).
 *
 * @returns the copy; null, with words in the log, where too many wait
 */
export function pushStack(
  env: Environment,
  insnIdx: number,
  prevInsnIdx: number,
  speculative: boolean,
): VerifierState | null {
  const state = env.pool.copy(env.current);
  if (speculative) state.speculative = true;
  push(env, state, insnIdx, prevInsnIdx);
  if (env.pending.length > MAX_PENDING_STATES) {
    env.log.write(`The sequence of ${env.pending.length} jumps is too complex.\n`);
    return null;
  }
  if (state.parent !== null) state.parent.branches++;
  return state;
}

/**
 * Puts a fresh state aside in which an asynchronous callback begins (`push_async_cb`).
 *
 * @returns it; null, with words in the log, where too many wait
 */
export function pushAsyncCb(
  env: Environment,
  insnIdx: number,
  prevInsnIdx: number,
  subprog: number,
  isSleepable: boolean,
): VerifierState | null {
  const state = new VerifierState();
  push(env, state, insnIdx, prevInsnIdx);
  if (env.pending.length > MAX_PENDING_STATES) {
    env.log.write(`The sequence of ${env.pending.length} jumps is too complex for async cb.\n`);
    return null;
  }
  state.branches = 1;
  state.inSleepable = isSleepable;
  state.frames.push(Frame.create(MAIN_FUNC, 0, subprog, { precise: env.unknownIsPrecise }));
  env.scratchAll();
  return state;
}

function push(env: Environment, state: VerifierState, insnIdx: number, prevInsnIdx: number): void {
  const { pending } = env;
  pending.push({ state, insnIdx, prevInsnIdx, logPosition: env.log.position });
  if (pending.length > NEXT) env.pool.pack(pending[pending.length - 1 - NEXT]!.state);
}

/**
 * Makes the state that was put aside last the current one (`pop_stack`).
 *
 * @param popLog forget what was written since
 * @returns where it continues; null where none waits
 */
export function popStack(env: Environment, popLog: boolean): PendingState | null {
  const pending = env.pending.pop();
  if (pending === undefined) return null;
  if (popLog) env.log.reset(pending.logPosition);
  env.pool.release(env.current);
  env.current = pending.state;
  env.pool.unpack(env.current);
  return pending;
}
