import type { BpfExecutor, CompiledProgram, Fault } from "../../vm/index.ts";
import type { CpuJob, CpuOutcome } from "./messages.ts";

/** Milliseconds that a slice lasts at most, about: so long nobody can stop it. */
const SLICE = 5;
const MAX_SLICE = 1 << 22;

/** The runs of a program as one CPU. */
export class CpuRuns {
  readonly #executor: BpfExecutor;
  readonly #code: CompiledProgram;
  readonly #job: CpuJob;
  readonly #counting: boolean;
  #left: number;
  #slice = 1;
  #retval = 0;
  #milliseconds = 0;
  #executed = 0;
  #fault: Fault | null = null;

  constructor(executor: BpfExecutor, code: CompiledProgram, job: CpuJob, counting: boolean) {
    this.#executor = executor;
    this.#code = code;
    this.#job = job;
    this.#counting = counting;
    this.#left = job.repeat;
  }

  /** All runs are done, or one ended with a fault. */
  get finished(): boolean {
    return this.#left === 0 || this.#fault !== null;
  }

  /** Runs for some milliseconds. */
  slice(): void {
    const executor = this.#executor;
    const count = Math.min(this.#slice, this.#left);
    executor.cpu = this.#job.cpu;
    const began = performance.now();
    if (!this.#counting) this.#runMany(count);
    // The count is that of the last run.
    else for (let i = 0; i < count && this.#fault === null; i++) this.#runMany(1);
    const took = performance.now() - began;
    this.#milliseconds += took;
    executor.releaseLocks();
    if (took < SLICE / 2 && this.#slice < MAX_SLICE) this.#slice *= 2;
    else if (took > SLICE && this.#slice > 1) this.#slice /= 2;
  }

  #runMany(count: number): void {
    const executor = this.#executor;
    this.#retval = this.#code.runMany(this.#job.context, count);
    this.#fault = executor.fault;
    this.#left -= count - executor.left;
    if (this.#counting) this.#executed += executor.executed;
  }

  get outcome(): CpuOutcome {
    return {
      cpu: this.#job.cpu,
      runs: this.#job.repeat - this.#left,
      retval: this.#retval >>> 0,
      nanoseconds: Math.round(this.#milliseconds * 1e6),
      executed: this.#executed,
      fault: this.#fault,
    };
  }
}
