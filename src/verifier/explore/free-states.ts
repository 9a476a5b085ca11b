import type { Environment } from "../environment/environment.ts";
import { VerifierState } from "../state/verifier-state.ts";

/** Behind a pass: forgets the states that wait and those that were cached (`free_states`). */
export function freeStates(env: Environment): void {
  env.pending.length = 0;
  env.sccVisits.clear();
  env.explored.clear();
}

/** Behind the last pass: a loaded program keeps what was found out of its instructions, but none of the states. */
export function forgetExploration(env: Environment): void {
  env.current = new VerifierState();
  env.currentHistory = null;
  env.pool.clear();
  env.stackLiveness.clear();
}
