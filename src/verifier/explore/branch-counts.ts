import type { Environment } from "../environment/environment.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { incompleteReadMarks, maybeExitScc } from "./scc.ts";

/** A path ends in the state: counts in its ancestors the paths that are still to be explored (`update_branch_counts`). */
export function updateBranchCounts(env: Environment, state: VerifierState): void {
  for (let at: VerifierState | null = state; at !== null; ) {
    at.branches--;
    if (at.branches > 0) return;
    maybeExitScc(env, at);
    const parent: VerifierState | null = at.parent;
    if (at !== state) maybeFreeVerifierState(env, at);
    // No path leads here any more: without this a cached state would keep all its ancestors in memory.
    if (env.explored.backedges === 0) at.parent = null;
    at = parent;
  }
}

/** An evicted state counts until nothing refers to it (`maybe_free_verifier_state`). */
export function maybeFreeVerifierState(env: Environment, state: VerifierState): void {
  if (!state.evicted || state.branches !== 0 || incompleteReadMarks(env, state)) return;
  env.explored.freeListSize--;
  state.evicted = false;
  // A state at a back edge may have it as an ancestor still.
  if (env.explored.backedges === 0) env.pool.release(state);
}
