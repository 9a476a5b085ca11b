import { NotSupported } from "../base/index.ts";

const DEFAULT_LIMIT = 1 << 20;

/**
 * Indices of functions (programs, callbacks, helper adapters, operations of map shapes), allocated once for a whole
 * kernel: the same index means the same function in every executor's table. Index 0 is never given: it stands for
 * "none" wherever an index is stored in memory.
 */
export class FunctionIndices {
  readonly #limit: number;
  readonly #free: number[] = [];
  #next = 1;

  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** The number of indices ever given out, plus one: how long a table has to be. */
  get end(): number {
    return this.#next;
  }

  /** @throws NotSupported where the kernel has too many functions. */
  allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next >= this.#limit) {
      throw new NotSupported(`more than ${this.#limit} functions in one kernel`);
    }
    return this.#next++;
  }

  /** Gives an index back, after a quiescent point. */
  release(index: number): void {
    this.#free.push(index);
  }
}
