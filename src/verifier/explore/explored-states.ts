import type { VerifierState } from "../state/verifier-state.ts";

/** The cached states, by where they are (`explored_states`, `free_list` and their sizes). */
export class ExploredStates {
  readonly #buckets: (VerifierState[] | undefined)[];
  /** States in the cache. */
  size = 0;
  /** States that were taken out while paths from them are still explored. */
  freeListSize = 0;
  /** States at back edges of loops that are still explored. */
  backedges = 0;
  /** Most states that were there at a time (`peak_states`). */
  peak = 0;

  /** @param length slots of the program */
  constructor(length: number) {
    this.#buckets = new Array<VerifierState[] | undefined>(length).fill(undefined);
  }

  /**
   * The states that may be at this instruction in the current frame's function, the newest last. Others may be among
   * them: the kernel's hash function is part of the contract, for the log counts the states of a bucket.
   */
  at(insnIdx: number, callsite: number): VerifierState[] {
    const index = ((insnIdx ^ callsite) >>> 0) % this.#buckets.length;
    return (this.#buckets[index] ??= []);
  }

  /** Forgets the states. As in the kernel the sizes stay, and count for the next pass over the program. */
  clear(): void {
    this.#buckets.fill(undefined);
  }

  /** `update_peak_states` */
  updatePeak(): void {
    const states = this.size + this.freeListSize + this.backedges;
    if (states > this.peak) this.peak = states;
  }
}

/** Both are reached by the same calls (`same_callsites`). */
export function sameCallsites(a: VerifierState, b: VerifierState): boolean {
  const depth = a.frames.length;
  if (depth !== b.frames.length) return false;
  for (let frame = depth - 1; frame >= 0; frame--) {
    if (a.frames[frame]!.callsite !== b.frames[frame]!.callsite) return false;
  }
  return true;
}

/** Where a frame of the state continues (`frame_insn_idx`). */
export function frameInsnIdx(state: VerifierState, frame: number): number {
  return frame === state.curframe ? state.insnIdx : state.frames[frame + 1]!.callsite;
}
