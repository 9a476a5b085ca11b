import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { propagateBackedges } from "./propagate.ts";

/** A state that was just cached begins a stay in a loop, unless one is under way (`maybe_enter_scc`). */
export function maybeEnterScc(env: Environment, state: VerifierState): void {
  const visit = env.sccVisits.findOrAdd(env.aux, state);
  if (visit === null || visit.entryState !== null) return;
  visit.entryState = state;
  if (env.log.level2) env.log.write(`SCC enter ${visit.text}\n`);
}

/**
 * All paths from the state were explored: a stay in a loop that began with it is over (`maybe_exit_scc`). Linux takes it
 * for a bug of its own where a path ends in a loop that was not entered: by an exception, before any state was cached.
 */
export function maybeExitScc(env: Environment, state: VerifierState): void {
  const visit = env.sccVisits.find(env.aux, state);
  if (visit === null) {
    const chain = state.speculative ? null : env.sccVisits.missing(env.aux, state);
    if (chain === null) return;
    env.refuse(Errno.EFAULT, `verifier bug: scc exit: no visit info for call chain ${chain}`);
  }
  if (visit.entryState !== state) return;
  if (env.log.level2) env.log.write(`SCC exit ${visit.text}\n`);
  visit.entryState = null;
  env.explored.backedges -= visit.backedges.length;
  env.explored.updatePeak();
  propagateBackedges(env, visit);
}

/** Keeps a state at a back edge of the loop that the cached state is in (`add_scc_backedge`). */
export function addSccBackedge(env: Environment, cached: VerifierState, backedge: VerifierState): void {
  const visit = env.sccVisits.find(env.aux, cached);
  if (visit === null) {
    env.refuse(
      Errno.EFAULT,
      `verifier bug: add backedge: no SCC in verification path, insn_idx ${cached.insnIdx}`,
    );
  }
  if (env.log.level2) env.log.write(`SCC backedge ${visit.text}\n`);
  visit.backedges.push(backedge);
  env.explored.backedges++;
  env.explored.updatePeak();
}

/** What is precise in a cached state may not be known yet, for a loop around it is still explored (`incomplete_read_marks`). */
export function incompleteReadMarks(env: Environment, state: VerifierState): boolean {
  if (env.explored.backedges === 0) return false;
  const visit = env.sccVisits.find(env.aux, state);
  return visit !== null && visit.backedges.length > 0;
}
