import { NotSupported, TsbpfError } from "../base/index.ts";
import {
  Control,
  EXECUTOR_STRIDE,
  ExecutorState,
  HELD_LOCKS,
  HELD_STRIDE,
  interruptWord,
  MAX_EXECUTORS,
} from "./control.ts";
import type { KernelExecutors, KernelMemory } from "./memory.ts";

/** The executors of a memory and their epochs. */
export class Executors implements KernelExecutors {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  get count(): number {
    const words = this.#memory.words();
    let count = 0;
    for (let id = 0; id < MAX_EXECUTORS; id++) {
      if (Atomics.load(words, wordOf(id)) !== ExecutorState.ABSENT) count++;
    }
    return count;
  }

  add(): number {
    if (!this.#memory.shared && this.count > 0) {
      throw new NotSupported("a second executor", { why: "the memory is not shared" });
    }
    const words = this.#memory.words();
    for (let id = 0; id < MAX_EXECUTORS; id++) {
      if (Atomics.compareExchange(words, wordOf(id), ExecutorState.ABSENT, ExecutorState.OFFLINE) === 0) {
        if (id > 0) Atomics.store(words, Control.PARALLEL >> 2, 1);
        else this.online(0);
        return id;
      }
    }
    throw new TsbpfError(`memory: expected at most ${MAX_EXECUTORS} executors, got one more`);
  }

  remove(id: number): void {
    this.offline(id);
    Atomics.store(this.#memory.words(), wordOf(id), ExecutorState.ABSENT);
  }

  online(id: number): void {
    this.#memory.functions.online(id);
  }

  offline(id: number): void {
    this.#memory.functions.offline(id);
  }

  quiesce(id: number): void {
    this.#memory.functions.quiesce(id);
  }

  begin(id: number, run: number): void {
    Atomics.store(this.#interruptOf(id), 0, BigInt(run) << 32n);
  }

  interrupt(id: number, run: number): void {
    const of = BigInt(run) << 32n;
    Atomics.compareExchange(this.#interruptOf(id), 0, of, of | 1n);
  }

  /** The interrupt word of an executor, and the run behind it, which change as one. */
  #interruptOf(id: number): BigInt64Array {
    return new BigInt64Array(this.#memory.words().buffer, interruptWord(id), 1);
  }

  releaseLocks(id: number): void {
    const words = this.#memory.words();
    const table = (Control.HELD + id * HELD_STRIDE) >> 2;
    for (let count = words[table]!; count > 0; count--) {
      if (count <= HELD_LOCKS) {
        const lock = Atomics.exchange(words, table + count, 0);
        // The last may be one that it only waited for.
        Atomics.compareExchange(words, lock >>> 2, id + 1, 0);
      }
      Atomics.store(words, table, count - 1);
    }
  }
}

function wordOf(id: number): number {
  return (Control.EXECUTORS + id * EXECUTOR_STRIDE) >> 2;
}
