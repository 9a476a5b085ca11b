import { TsbpfError } from "../../base/index.ts";
import { shapeName } from "../../maps/index.ts";
import { memoryHandle } from "../../mem/index.ts";
import type { PacketObjects } from "../net/packet-objects.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { ExecutorMachine } from "./executor-machine.ts";
import { type ExecutorJob, type JobOutcome, JobWord } from "./messages.ts";
import { type Portable, portableProgram, portableShape } from "./portable.ts";
import { Quiescence } from "./quiescence.ts";
import { RemoteExecutor } from "./remote.ts";
import type { ExecutorThreads } from "./threads.ts";

/** Function indices that executors on other threads have for adapters and callbacks of their own. */
const OWN_INDICES = 4096;

/** Milliseconds between two quiescent points of the kernel's thread while others run. */
const QUIET = 2;

/** Milliseconds that an executor may go on after it was told to stop, before programs that poll are interrupted. */
const PATIENCE = 15;

/** Milliseconds that the end of the process waits for executors. */
const LAST_PATIENCE = 1000;

/** A parallel run that is under way. */
interface Running {
  readonly control: number;
  readonly parties: number;
  readonly cpus: ReadonlySet<number>;
  readonly uses: Portable;
  /** Numbers of the executors that were sent to work. */
  executors: readonly number[];
  /** Nobody has been sent to work yet, and this sees to it that nobody is; null: they have. */
  cancel: (() => void) | null;
}

/** The executors of a kernel on other threads: started when a program first runs on them. */
export class OtherExecutors {
  readonly count: number;
  /** Packets of runs that are over: made once, and used again and again. */
  readonly sparePackets: PacketObjects[] = [];
  readonly #machine: ExecutorMachine;
  readonly #threads: ExecutorThreads;
  readonly #running = new Set<Running>();
  readonly #booted = new WeakMap<RemoteExecutor, Promise<unknown>>();
  readonly #quiet: Quiescence;
  /** What is to be done when all executors have passed a quiescent point since a stamp was taken. */
  #waiting: { readonly since: number; readonly act: () => void }[] = [];
  #remotes: readonly RemoteExecutor[] | null = null;
  #wake: ReturnType<typeof setTimeout> | undefined;
  #closed: Error | null = null;

  constructor(machine: ExecutorMachine, threads: ExecutorThreads) {
    this.#machine = machine;
    this.#threads = threads;
    this.#quiet = new Quiescence(machine.memory);
    this.count = checkCount(threads.count);
  }

  /** Whether nothing else may run as a CPU now. */
  isHeld(cpu: number): boolean {
    for (const { cpus } of this.#running) if (cpus.has(cpu)) return true;
    return false;
  }

  /** Whether programs that run elsewhere could meet an element of a map that they have no code for. */
  isClosedTo(map: KernelMap, inner?: KernelMap): boolean {
    for (const { uses } of this.#running) {
      if (!uses.maps.includes(map)) continue;
      if (inner === undefined) return true;
      const name = shapeName(inner.shape);
      if (!uses.maps.some(({ shape }) => shapeName(shape) === name)) return true;
    }
    return false;
  }

  /**
   * Has executors run a program, each as its CPUs, all at the same time. No CPU may be held.
   *
   * @param jobs for each executor that has something to do.
   * @param signal ends the run at the end of its slices, a few milliseconds later.
   */
  async run(
    uses: Portable,
    jobs: readonly Omit<ExecutorJob, "control" | "parties">[],
    signal: AbortSignal | undefined,
  ): Promise<JobOutcome[]> {
    const machine = this.#machine;
    const control = machine.memory.alloc(JobWord.SIZE, JobWord.SIZE);
    if (control === 0) throw new TsbpfError("kernel: no memory is left for a parallel run");
    const cpus = new Set(jobs.flatMap((job) => job.cpus.map(({ cpu }) => cpu)));
    let cancel = (): void => undefined;
    const cancelled = new Promise<null>((resolve) => {
      cancel = () => resolve(null);
    });
    const running: Running = { control, parties: jobs.length, cpus, uses, executors: [], cancel };
    for (const program of uses.programs) program.get();
    for (const map of uses.maps) map.get();
    this.#running.add(running);
    let patience: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      this.#stop(running);
      patience ??= setTimeout(() => this.#interrupt(running), PATIENCE);
    };
    try {
      signal?.addEventListener("abort", stop);
      if (signal?.aborted === true) stop();
      const ready = this.#prepare(uses, jobs.length);
      // Threads that have yet to start, or code to compile, keep nobody waiting.
      ready.catch(() => undefined);
      const remotes = await Promise.race([cancelled, ready]);
      if (remotes === null) return jobs.map(nothingOf);
      this.#stayQuiet();
      running.cancel = null;
      running.executors = remotes.map(({ id }) => id);
      return await this.#all(
        running,
        remotes.map((remote, i) =>
          remote.ask({ kind: "run", job: { ...jobs[i]!, control, parties: jobs.length } }),
        ),
      );
    } finally {
      signal?.removeEventListener("abort", stop);
      clearTimeout(patience);
      this.#running.delete(running);
      this.#settle();
      machine.memory.free(control);
      for (const map of uses.maps) map.put();
      for (const program of uses.programs) program.put();
      machine.quiesce();
    }
  }

  /** Does something when no other executor holds what it may have found in memory until now. */
  whenQuiet(act: () => void): void {
    if (this.#running.size === 0) act();
    else this.#waiting.push({ since: this.#quiet.stamp(), act });
  }

  /** Ends all threads. Runs that are under way end first, if they do so in time; whoever waits for them is told. */
  async close(): Promise<void> {
    if (this.#closed !== null) return;
    this.#closed = new TsbpfError("kernel: its executors have been closed");
    const remotes = this.#remotes ?? [];
    for (const running of this.#running) this.#stop(running);
    const until = performance.now() + LAST_PATIENCE;
    while (this.#running.size > 0 && performance.now() < until) {
      await new Promise<void>((resolve) => void setTimeout(resolve, 1));
      if (performance.now() <= until - LAST_PATIENCE + PATIENCE) continue;
      for (const running of this.#running) this.#interrupt(running);
    }
    for (const remote of remotes) this.#end(remote, this.#closed);
    clearTimeout(this.#wake);
  }

  /** As many executors as are wanted, those first that have least to do, with all that a program needs. */
  async #prepare(uses: Portable, count: number): Promise<readonly RemoteExecutor[]> {
    const remotes = (await this.#started()).toSorted((a, b) => a.busy - b.busy).slice(0, count);
    await Promise.all(remotes.map((remote) => this.#load(remote, uses)));
    return remotes;
  }

  /** All answers; the first failure is thrown when the others are done, too: they work on the same memory. */
  async #all(running: Running, asked: readonly Promise<JobOutcome | null>[]): Promise<JobOutcome[]> {
    const settled = await Promise.allSettled(
      asked.map((each) =>
        each.catch((error) => {
          this.#stop(running);
          throw error;
        }),
      ),
    );
    const failed = settled.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return settled.map((each) => (each as PromiseFulfilledResult<JobOutcome>).value);
  }

  async #started(): Promise<readonly RemoteExecutor[]> {
    if (this.#closed !== null) throw this.#closed;
    if (this.#remotes === null) {
      const first = this.#machine.executor.indices.reserve(OWN_INDICES);
      this.#remotes = Array.from({ length: this.count }, () => this.#start(first));
    }
    const remotes = this.#remotes;
    await Promise.all(remotes.map((remote) => this.#booted.get(remote)));
    return remotes;
  }

  #start(firstIndex: number): RemoteExecutor {
    const machine = this.#machine;
    const { memory } = machine;
    const id = memory.executors.add();
    const thread = this.#threads.start();
    const remote: RemoteExecutor = new RemoteExecutor(thread, id, () => {
      // Where it was in a run, nobody knows what it left half done.
      const halfDone = this.#running.size > 0;
      memory.executors.remove(id);
      if (halfDone) this.#closed ??= new TsbpfError(`kernel: executor ${id} ended in the midst of a run`);
      this.#closed ??= new TsbpfError(`kernel: executor ${id} has ended`);
    });
    remote.beforeExit(this.#stopForExit);
    const booted = remote.ask({
      kind: "boot",
      boot: {
        memory: memoryHandle(memory),
        id,
        engine: machine.engine.name,
        jit: machine.jit,
        budget: machine.executor.budget,
        types: machine.types,
        timeOrigin: performance.timeOrigin,
        seed: machine.random(),
        flowKey: machine.flowKey,
        ownIndices: { first: firstIndex, end: firstIndex + OWN_INDICES },
      },
    });
    // Whoever waits for it is told.
    booted.catch(() => undefined);
    this.#booted.set(remote, booted);
    return remote;
  }

  #end(remote: RemoteExecutor, why: Error): void {
    remote.close(why);
    this.#machine.memory.executors.remove(remote.id);
  }

  /** Sends what the executor does not have yet. */
  async #load(remote: RemoteExecutor, { programs, maps }: Portable): Promise<void> {
    const shapes = maps
      .flatMap((map) => portableShape(this.#machine, map) ?? [])
      .filter(({ name }) => !remote.shapes.has(name));
    const unlike = programs.filter((program) => remote.programs.get(program.id) !== program.tailCallIndex);
    if (shapes.length === 0 && unlike.length === 0) return;
    for (const { name } of shapes) remote.shapes.add(name);
    for (const program of unlike) {
      if (!remote.programs.has(program.id)) program.whenGone.push(() => this.#unload(remote, program));
      remote.programs.set(program.id, program.tailCallIndex);
    }
    try {
      await remote.ask({
        kind: "load",
        shapes,
        programs: unlike.map((program) => portableProgram(program, program.tailCallIndex)),
      });
    } catch (error) {
      for (const { name } of shapes) remote.shapes.delete(name);
      for (const { id } of unlike) remote.programs.delete(id);
      throw error;
    }
  }

  #unload(remote: RemoteExecutor, { id }: KernelProgram): void {
    if (!remote.programs.delete(id)) return;
    // It has no user any more, and if the thread has ended, no code either.
    remote.ask({ kind: "unload", program: id }).catch(() => undefined);
  }

  /** The kernel's thread does nothing meanwhile, and must hold up nothing that waits to be freed. */
  #stayQuiet(): void {
    clearTimeout(this.#wake);
    if (this.#running.size === 0) return;
    this.#machine.quiesce();
    this.#settle();
    this.#wake = setTimeout(() => this.#stayQuiet(), QUIET);
  }

  /** Does what has waited long enough. */
  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (this.#running.size === 0 || this.#quiet.passed(each.since)) each.act();
      else this.#waiting.push(each);
    }
  }

  #stop({ control, parties, cancel }: Running): void {
    cancel?.();
    const words = this.#machine.memory.words();
    Atomics.store(words, (control + JobWord.STOP) >>> 2, 1);
    const arrived = (control + JobWord.ARRIVED) >>> 2;
    Atomics.add(words, arrived, parties);
    Atomics.notify(words, arrived);
  }

  /** Programs of a run that was stopped end where they poll. Executors that come to it later find it stopped. */
  #interrupt({ executors, control }: Running): void {
    for (const id of executors) this.#machine.memory.executors.interrupt(id, control);
  }

  /**
   * The process ends: returns when nothing runs any more. Node is known to abort where it finds a thread asleep on a
   * lock.
   */
  readonly #stopForExit = (): void => {
    const words = this.#machine.memory.words();
    for (const running of this.#running) {
      this.#stop(running);
      this.#interrupt(running);
    }
    const until = performance.now() + LAST_PATIENCE;
    for (const { control, parties, cancel } of this.#running) {
      if (cancel !== null) continue;
      const done = (control + JobWord.DONE) >>> 2;
      for (;;) {
        const count = Atomics.load(words, done);
        const left = until - performance.now();
        if (count >= parties || left <= 0) break;
        Atomics.wait(words, done, count, left);
      }
    }
  };
}

/** What came of a job that nobody began. */
function nothingOf({ cpus }: Pick<ExecutorJob, "cpus">): JobOutcome {
  return {
    cpus: cpus.map(({ cpu }) => ({ cpu, runs: 0, retval: 0, nanoseconds: 0, executed: 0, fault: null })),
    lines: [],
    linesLost: [],
  };
}

function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= 63) return count;
  throw new RangeError(`kernel: expected 1 to 63 executors, got ${count}`);
}
