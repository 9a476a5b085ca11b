import { NotSupported } from "../../base/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Fault } from "../../vm/index.ts";
import type { Machine } from "../machine.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { type RunContext, RunContexts } from "./contexts.ts";
import type { CpuJob, CpuOutcome, ExecutorJob, JobOutcome, PortableTask } from "./messages.ts";
import { portable } from "./portable.ts";

/** Runs of a program on several CPUs at once: what BPF_PROG_TEST_RUN does on one. */
export interface ParallelRun {
  readonly progFd: number;
  /**
   * The CPUs that it runs as, each once. There may be more of them than executors: these take turns, then. Another run,
   * on CPUs that are free, begins when an executor has done all that it was given before.
   */
  readonly cpus: readonly number[];
  /** Runs on each CPU; 1 unless told. */
  readonly repeat?: number;
  /** The packet of programs that have one; each CPU has its own. 64 zeros unless told. */
  readonly dataIn?: Uint8Array;
  /** The context as bpf(2) takes it. */
  readonly ctxIn?: Uint8Array;
  /** Ends the runs within some milliseconds; the result tells how many there were. */
  readonly signal?: AbortSignal;
}

/** What came of the runs on one CPU. */
export interface CpuResult {
  readonly cpu: number;
  /** Runs that came to their end. */
  readonly runs: number;
  /** r0 of the last run, unsigned 32 bits. */
  readonly retval: number;
  /** What they took, without the time in which other CPUs had the executor. */
  readonly nanoseconds: number;
  /** What ended the runs of this CPU early; null where nothing did. */
  readonly fault: Fault | null;
}

const MAX_REPEAT = 2 ** 40;

/** See `KernelProcess.runParallel`. */
export async function runParallel(process: Process, run: ParallelRun): Promise<readonly CpuResult[]> {
  const { machine } = process;
  const program = process.program(run.progFd);
  if (!machine.executes) refuse(Errno.EOPNOTSUPP);
  const { others } = machine;
  if (others === null) {
    throw new NotSupported("a parallel run", { why: "this kernel was made without the option executors" });
  }
  if (machine.executor.depth > 0) throw new NotSupported("a parallel run in the midst of another run");
  checkRun(machine, run);
  if (run.cpus.some((cpu) => others.isHeld(cpu))) refuse(Errno.EBUSY);
  const uses = portable(machine, program);
  const { repeat = 1 } = run;
  const counted = machine.statisticsUsers > 0;
  const maker = new RunContexts(machine, others.sparePackets);
  const contexts: RunContext[] = [];
  let outcomes: JobOutcome[];
  try {
    const jobs = run.cpus.map((cpu): CpuJob => {
      const context = maker.make(program, run);
      contexts.push(context);
      return { cpu, context: context.offset, repeat };
    });
    outcomes = await others.run(uses, distribute(jobs, others.count, process, program), run.signal);
  } finally {
    for (const { release } of contexts) release();
    // Callbacks of timers wait while others have the CPU of the kernel's own thread.
    machine.runDue();
    machine.quiesce();
  }
  const lines = outcomes.flatMap((outcome) => outcome.lines).sort((a, b) => a.time - b.time);
  for (const line of lines) machine.traceAs(process.task, line);
  for (const { linesLost } of outcomes) for (const lost of linesLost) machine.tracePipe.lose(...lost);
  const results = outcomes.flatMap(({ cpus }) => cpus);
  for (const { cpu, executed } of results) count(process, cpu, executed);
  machine.events.happened();
  if (counted) {
    for (const { runs, nanoseconds } of results) {
      program.runs += runs;
      program.runTime += nanoseconds;
    }
  }
  return run.cpus.map((cpu) => resultOf(results.find((result) => result.cpu === cpu)!));
}

function resultOf({ executed: _, ...result }: CpuOutcome): CpuResult {
  return result;
}

/** Perf events of a CPU, and of the task, count what was executed there. */
function count({ machine, task }: Process, cpu: number, instructions: number): void {
  if (instructions === 0) return;
  machine.onCpu(cpu, () => machine.asTask(task, () => machine.perf.executed(instructions)));
}

function checkRun(machine: Machine, { cpus, repeat = 1 }: ParallelRun): void {
  if (cpus.length === 0 || new Set(cpus).size < cpus.length) {
    throw new RangeError("parallel run: expected CPUs, each once");
  }
  const absent = cpus.find((cpu) => !(Number.isInteger(cpu) && cpu >= 0 && cpu < machine.cpus));
  if (absent !== undefined) {
    throw new RangeError(`parallel run: expected CPUs 0 to ${machine.cpus - 1}, got ${absent}`);
  }
  if (!(Number.isInteger(repeat) && repeat >= 1 && repeat <= MAX_REPEAT)) {
    throw new RangeError(`parallel run: expected 1 to ${MAX_REPEAT} runs on each CPU, got ${repeat}`);
  }
}

/** CPUs by executor, as evenly as it goes. */
function distribute(
  jobs: readonly CpuJob[],
  executors: number,
  { task, machine }: Process,
  program: KernelProgram,
): Omit<ExecutorJob, "control" | "parties">[] {
  const portableTask: PortableTask = {
    pid: task.pid,
    tgid: task.tgid,
    comm: task.comm,
    uid: task.uid,
    gid: task.gid,
    offset: task.offset,
    cgroups: [...task.cgroup.ancestors()].map(({ id }) => id).reverse(),
  };
  const devices = [...(task.namespace ?? machine.namespace).devices.keys()];
  return Array.from({ length: Math.min(executors, jobs.length) }, (_, i) => ({
    program: program.id,
    cpus: jobs.filter((_job, place) => place % executors === i),
    task: portableTask,
    devices,
    counting: machine.perf.countsInstructions,
  }));
}
