import type { InsnAux } from "../environment/insn-aux.ts";
import { MAX_CALL_FRAMES } from "../state/limits.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { frameInsnIdx } from "./explored-states.ts";

/** One stay in a loop: `struct bpf_scc_visit`. */
export class SccVisit {
  /** Component of the control flow, from 1 on. */
  readonly scc: number;
  /** Calls that lead to the function with the loop; those behind the last are 0. */
  readonly callsites: Uint32Array;
  /** The state with which the loop was entered; null where it is not being explored. */
  entryState: VerifierState | null = null;
  /** States at back edges, each with the cached one that it equals; the newest last. */
  backedges: VerifierState[] = [];

  constructor(scc: number, callsites: Uint32Array) {
    this.scc = scc;
    this.callsites = callsites;
  }

  /** `(callsite,callsite,component)` (`format_callchain`) */
  get text(): string {
    let text = "(";
    for (const callsite of this.callsites) {
      if (callsite === 0) break;
      text += `${callsite},`;
    }
    return `${text}${this.scc})`;
  }
}

/** The stays in loops, by component and by the calls that lead there (`scc_info`). */
export class SccVisits {
  readonly #visits: (SccVisit[] | undefined)[] = [];
  readonly #callsites = new Uint32Array(MAX_CALL_FRAMES);

  clear(): void {
    this.#visits.length = 0;
  }

  /** The stay that the state is part of, or null: in the outermost of its functions that is in a loop. */
  find(aux: readonly InsnAux[], state: VerifierState): SccVisit | null {
    const scc = this.#computeCallchain(aux, state);
    return scc === 0 ? null : this.#find(scc);
  }

  /** The stay that `find` looks for and there is none of, as text; null where the state is in no loop. */
  missing(aux: readonly InsnAux[], state: VerifierState): string | null {
    const scc = this.#computeCallchain(aux, state);
    return scc === 0 ? null : new SccVisit(scc, this.#callsites).text;
  }

  /** As {@link find}; makes the stay where the state is in a loop and there is none yet. */
  findOrAdd(aux: readonly InsnAux[], state: VerifierState): SccVisit | null {
    const scc = this.#computeCallchain(aux, state);
    if (scc === 0) return null;
    const found = this.#find(scc);
    if (found !== null) return found;
    const visit = new SccVisit(scc, this.#callsites.slice());
    (this.#visits[scc] ??= []).push(visit);
    return visit;
  }

  /** Leaves the calls in `#callsites`. 0 where no function of the state is in a loop (`compute_scc_callchain`). */
  #computeCallchain(aux: readonly InsnAux[], state: VerifierState): number {
    const callsites = this.#callsites;
    const { curframe } = state;
    for (let frame = 0; frame <= curframe; frame++) {
      const insnIdx = frameInsnIdx(state, frame);
      const { scc } = aux[insnIdx]!;
      if (scc !== 0) {
        callsites.fill(0, frame);
        return scc;
      }
      callsites[frame] = insnIdx;
    }
    return 0;
  }

  #find(scc: number): SccVisit | null {
    const visits = this.#visits[scc];
    if (visits === undefined) return null;
    for (const visit of visits) if (this.#leadsTo(visit)) return visit;
    return null;
  }

  #leadsTo(visit: SccVisit): boolean {
    for (let frame = 0; frame < MAX_CALL_FRAMES; frame++) {
      if (visit.callsites[frame] !== this.#callsites[frame]) return false;
    }
    return true;
  }
}
