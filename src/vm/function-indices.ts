import { NotSupported } from "../base/index.ts";

const DEFAULT_LIMIT = 1 << 20;

/**
 * Indices of functions (programs, callbacks, helper adapters, operations of map shapes), allocated once for a whole
 * kernel: the same index means the same function in every executor's table. Index 0 is never given: it stands for
 * "none" wherever an index is stored in memory.
 *
 * Indices that are stored nowhere (adapters, callbacks) an executor on another thread takes from a range that the
 * kernel has reserved for such: there each executor has functions of its own.
 */
export class FunctionIndices {
  readonly #limit: number;
  readonly #free: number[] = [];
  readonly #named = new Map<string, number>();
  readonly #holds = new Map<number, number>();
  #next: number;

  /** @param first the lowest index that is given; 1 unless told. */
  constructor(limit = DEFAULT_LIMIT, first = 1) {
    this.#limit = limit;
    this.#next = first;
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

  /** Notes the index that a name has in the kernel. */
  learn(name: string, index: number): void {
    this.#named.set(name, index);
  }

  /** Sets aside a range for functions that each executor on another thread has for itself. @returns the first index. */
  reserve(count: number): number {
    if (this.#next + count > this.#limit) {
      throw new NotSupported(`more than ${this.#limit} functions in one kernel`);
    }
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** Keeps an index from being given to another function until one {@link release} more. */
  hold(index: number): void {
    this.#holds.set(index, (this.#holds.get(index) ?? 0) + 1);
  }

  /** Gives an index back, after a quiescent point. */
  release(index: number): void {
    const holds = this.#holds.get(index) ?? 0;
    if (holds === 0) this.#free.push(index);
    else if (holds === 1) this.#holds.delete(index);
    else this.#holds.set(index, holds - 1);
  }
}
