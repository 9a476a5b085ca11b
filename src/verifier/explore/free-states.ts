import type { Environment } from "../environment/environment.ts";

/** Behind a pass: forgets the states that wait and those that were cached (`free_states`). */
export function freeStates(env: Environment): void {
  env.pending.length = 0;
  env.sccVisits.clear();
  env.explored.clear();
}
