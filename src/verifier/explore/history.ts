import type { Environment } from "../environment/environment.ts";
import type { HistoryEntry, LinkedRegister } from "../state/history.ts";
import type { VerifierState } from "../state/verifier-state.ts";

/**
 * Notes in `state` how the current instruction was reached and, with it, what backtracking must know of it. What was
 * noted of the same instruction before is kept (`push_jmp_history`).
 *
 * @param flags `HistoryFlag`s
 * @param linkedRegs registers whose precision goes together; null for none
 */
export function pushJmpHistory(
  env: Environment,
  state: VerifierState,
  flags: number,
  linkedRegs: readonly LinkedRegister[] | null,
): void {
  const { history } = state;
  const before = env.currentHistory;
  if (before === null) {
    const entry: HistoryEntry = { idx: env.insnIdx, prevIdx: env.prevInsnIdx, flags, linkedRegs };
    history.push(entry);
    env.currentHistory = entry;
    return;
  }
  // Copies of the state share their entries: replaced, not changed.
  const entry: HistoryEntry = { ...before, flags: before.flags | flags, linkedRegs };
  const at = history.lastIndexOf(before);
  if (at >= 0) history[at] = entry;
  env.currentHistory = entry;
}

/** The entry at the end of the first `count` that is about this instruction, or null (`get_jmp_hist_entry`). */
export function getJmpHistEntry(state: VerifierState, count: number, insnIdx: number): HistoryEntry | null {
  if (count === 0) return null;
  const entry = state.history[count - 1]!;
  return entry.idx === insnIdx ? entry : null;
}
