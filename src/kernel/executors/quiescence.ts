import { Control, FIRST_EPOCH, type KernelMemory, LAST_EPOCH } from "../../mem/index.ts";

/** The epochs of a memory, as host code waits for them. */
export class Quiescence {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** The moment that this is, to be asked about later. */
  stamp(): number {
    // Epochs move on only where a block waits to be freed.
    const block = this.#memory.alloc(8);
    if (block !== 0) this.#memory.retire(block);
    return this.#epoch;
  }

  /** Whether every executor has passed a quiescent point since a stamp was taken. */
  passed(stamp: number): boolean {
    const epoch = this.#epoch;
    const before = epoch === FIRST_EPOCH ? LAST_EPOCH : epoch - 1;
    return stamp !== epoch && stamp !== before;
  }

  get #epoch(): number {
    return Atomics.load(this.#memory.words(), Control.EPOCH >>> 2);
  }
}
