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
  readonly #named = new Map<string, number>();
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

  /** The index of a function that exists once in a kernel, by name. */
  named(name: string): number {
    let index = this.#named.get(name);
    if (index === undefined) {
      index = this.allocate();
      this.#named.set(name, index);
    }
    return index;
  }

  /** Gives an index back, after a quiescent point. */
  release(index: number): void {
    this.#free.push(index);
  }
}
