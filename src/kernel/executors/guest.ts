import { TsbpfError } from "../../base/index.ts";
import { Btf } from "../../btf/index.ts";
import {
  type ContextKind,
  createHelpers,
  createKfuncs,
  type Helper,
  type Kfunc,
} from "../../helpers/index.ts";
import { MapCode } from "../../maps/index.ts";
import { attachKernelMemory, type KernelMemory } from "../../mem/index.ts";
import { defaultLayout, KernelLayout } from "../../platform/index.ts";
import {
  type BpfExecutor,
  type CompiledProgram,
  createExecutor,
  type Engine,
  FunctionIndices,
  Interpreter,
  Jit,
} from "../../vm/index.ts";
import { CpuRuns } from "./cpu-runs.ts";
import { GuestServices } from "./guest-services.ts";
import {
  type ExecutorBoot,
  type ExecutorJob,
  type JobOutcome,
  JobWord,
  type PortableProgram,
  type PortableShape,
} from "./messages.ts";

/** A program in this executor, and the index by which tail calls reach it. */
interface LoadedProgram {
  readonly code: CompiledProgram;
  readonly entry: number;
}

/** An executor on a thread of its own: compiles what it is sent, and runs it on the kernel's memory. */
export class GuestExecutor {
  readonly #memory: KernelMemory;
  readonly #executor: BpfExecutor;
  readonly #engine: Engine;
  readonly #layout: KernelLayout;
  readonly #services: GuestServices;
  readonly #mapCode: MapCode;
  readonly #kfuncs: ReadonlyMap<string, Kfunc>;
  readonly #helpers = new Map<ContextKind, ReadonlyMap<number, Helper>>();
  readonly #programs = new Map<number, LoadedProgram>();

  constructor(boot: ExecutorBoot) {
    this.#memory = attachKernelMemory(boot.memory, boot.id);
    this.#services = new GuestServices(boot, () => this.#executor.cpu);
    this.#executor = createExecutor(this.#memory, {
      id: boot.id,
      indices: new FunctionIndices(boot.ownIndices.end, boot.ownIndices.first),
      services: this.#services,
    });
    this.#executor.budget = boot.budget;
    this.#engine = boot.engine === "jit" ? new Jit(boot.jit) : new Interpreter();
    const { types } = boot;
    this.#layout =
      types === null
        ? defaultLayout()
        : new KernelLayout(
            Btf.parse(types.bytes, { what: "the kernel's types", pointerSize: types.pointerSize }),
          );
    this.#kfuncs = createKfuncs(this.#layout);
    this.#mapCode = new MapCode(this.#memory, this.#executor);
  }

  /** Compiles programs, and enters the operations of their maps into the table. */
  load(programs: readonly PortableProgram[], shapes: readonly PortableShape[]): void {
    for (const { shape, indices } of shapes) {
      for (const [name, index] of indices) this.#executor.indices.learn(name, index);
      this.#mapCode.indices(shape);
    }
    for (const program of programs) this.#load(program);
  }

  #load({ id, entry, context, code }: PortableProgram): void {
    let loaded = this.#programs.get(id);
    if (loaded === undefined || loaded.entry !== entry) {
      const helpers = this.#helpersFor(context);
      const compiled =
        loaded?.code ?? this.#engine.compile({ ...code, helpers, kfuncs: this.#kfuncs }, this.#executor);
      loaded = { code: compiled, entry };
      this.#programs.set(id, loaded);
      if (entry !== 0) this.#executor.install(entry, this.#executor.table.get(compiled.entry));
    }
  }

  unload(id: number): void {
    const program = this.#programs.get(id);
    if (program === undefined) return;
    this.#programs.delete(id);
    if (program.entry !== 0) this.#executor.remove(program.entry);
    program.code.close();
  }

  /** Runs a program as one CPU after the other, in slices, until all are done or somebody says stop. */
  run(job: ExecutorJob): JobOutcome {
    const program = this.#programs.get(job.program);
    if (program === undefined)
      throw new TsbpfError(`executor ${this.#executor.id}: no program ${job.program}`);
    this.#services.begin(job);
    this.#executor.counting = job.counting;
    const { executors } = this.#memory;
    executors.online(this.#executor.id);
    executors.begin(this.#executor.id, job.control);
    const cpus = job.cpus.map((each) => new CpuRuns(this.#executor, program.code, each, job.counting));
    try {
      this.#meet(job);
      let open = cpus;
      while (open.length > 0 && !this.#stopped(job)) {
        for (const each of open) if (!this.#stopped(job)) each.slice();
        open = open.filter((each) => !each.finished);
      }
    } finally {
      executors.begin(this.#executor.id, 0);
      executors.offline(this.#executor.id);
      const words = this.#memory.words();
      Atomics.add(words, (job.control + JobWord.DONE) >>> 2, 1);
      Atomics.notify(words, (job.control + JobWord.DONE) >>> 2);
    }
    return { cpus: cpus.map((each) => each.outcome), ...this.#services.printed };
  }

  #stopped(job: ExecutorJob): boolean {
    return Atomics.load(this.#memory.words(), (job.control + JobWord.STOP) >>> 2) !== 0;
  }

  /** Waits until all executors of a run are ready, so that they run at the same time. */
  #meet(job: ExecutorJob): void {
    const words = this.#memory.words();
    const arrived = (job.control + JobWord.ARRIVED) >>> 2;
    Atomics.add(words, arrived, 1);
    Atomics.notify(words, arrived);
    for (;;) {
      const count = Atomics.load(words, arrived);
      // Who stops a run adds to the word, too: nobody sleeps through it.
      if (count >= job.parties || this.#stopped(job)) return;
      Atomics.wait(words, arrived, count, LONGEST_WAIT);
    }
  }

  #helpersFor(context: ContextKind): ReadonlyMap<number, Helper> {
    let helpers = this.#helpers.get(context);
    if (helpers === undefined) {
      helpers = createHelpers(this.#layout, context);
      this.#helpers.set(context, helpers);
    }
    return helpers;
  }
}

/** Milliseconds. An executor that was to come may have failed. */
const LONGEST_WAIT = 20;
