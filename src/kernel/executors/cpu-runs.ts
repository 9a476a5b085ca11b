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
  #left: number;
  #slice = 1;
  #retval = 0;
  #milliseconds = 0;
  #fault: Fault | null = null;

  constructor(executor: BpfExecutor, code: CompiledProgram, job: CpuJob) {
    this.#executor = executor;
    this.#code = code;
    this.#job = job;
    this.#left = job.repeat;
  }

  /** All runs are done, or one ended with a fault. */
  get finished(): boolean {
    return this.#left === 0 || this.#fault !== null;
  }

  /** Runs for some milliseconds. */
  slice(): void {
    const { cpu, context } = this.#job;
    const executor = this.#executor;
    const count = Math.min(this.#slice, this.#left);
    executor.cpu = cpu;
    const began = performance.now();
    this.#retval = this.#code.runMany(context, count);
    const took = performance.now() - began;
    this.#milliseconds += took;
    this.#fault = executor.fault;
    this.#left -= count - executor.left;
    executor.releaseLocks();
    if (took < SLICE / 2 && this.#slice < MAX_SLICE) this.#slice *= 2;
    else if (took > SLICE && this.#slice > 1) this.#slice /= 2;
  }

  get outcome(): CpuOutcome {
    return {
      cpu: this.#job.cpu,
      runs: this.#job.repeat - this.#left,
      retval: this.#retval >>> 0,
      nanoseconds: Math.round(this.#milliseconds * 1e6),
      fault: this.#fault,
    };
  }
}
