import type {
  EmbeddedKernel,
  FireFacts,
  FireResult,
  FireValue,
  KernelTask,
  TaskMemory,
} from "../kernel/index.ts";
import {
  execFacts,
  exitFacts,
  forkFacts,
  newTaskFacts,
  renameFacts,
  switchFacts,
  TaskState,
  wakeFacts,
} from "./objects/task-facts.ts";

/** `SIGCHLD`: what a process is forked with. */
const FORK_FLAGS = 0x11;
const EXIT_GROUP = "exit_group";

/** A task that is there without having been forked. */
export interface Spawning {
  readonly pid?: number;
  /** At most 15 bytes. */
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly parent?: KernelTask;
  /** Path of its control group, which is made where it is missing. */
  readonly cgroup?: string;
  readonly memory?: TaskMemory;
}

/** Why a task leaves its CPU. */
export interface Leaving {
  /** What it waits for: `TASK_*`; 0, that it could run on, unless told. */
  readonly state?: number;
}

/**
 * What an embedded kernel observes: tasks that are born, run on CPUs, make system calls and end. Each fires the
 * tracepoints that Linux fires for it, with arguments and records made of the kernel's own objects.
 *
 * ```ts
 * const world = new World(kernel);
 * const shell = world.spawn({ comm: "bash", uid: 1000 });
 * world.switchTo(0, shell);
 * const child = world.fork(shell);
 * world.exec(child, "/usr/bin/ls");
 * ```
 */
export class World {
  readonly kernel: EmbeddedKernel;
  /** Where each task runs, or ran last. */
  readonly #cpus = new Map<KernelTask, number>();

  constructor(kernel: EmbeddedKernel) {
    this.kernel = kernel;
  }

  /** A task that is there: nothing is fired. @throws RangeError where its number is taken. */
  spawn({ cgroup, ...options }: Spawning = {}): KernelTask {
    const group = cgroup === undefined ? {} : { cgroup: this.kernel.cgroups.ensure(cgroup) };
    return this.kernel.tasks.create({ ...options, ...group });
  }

  /** The CPU that a task runs on, or ran last on; 0 for one that never ran. */
  cpuOf(task: KernelTask): number {
    return this.#cpus.get(task) ?? 0;
  }

  /** A task forks, on its CPU: `task:task_newtask`, `sched:sched_process_fork`, `sched:sched_wakeup_new`. */
  fork(parent: KernelTask, options: { readonly pid?: number } = {}): KernelTask {
    const { comm, memory } = parent;
    const child = this.kernel.tasks.create({
      ...options,
      parent,
      comm,
      ...(memory === undefined ? {} : { memory }),
    });
    this.#fire("task:task_newtask", newTaskFacts(child, FORK_FLAGS), parent);
    this.#fire("sched:sched_process_fork", forkFacts(parent, child), parent);
    this.#fire("sched:sched_wakeup_new", wakeFacts(child, this.cpuOf(parent)), parent);
    this.#cpus.set(child, this.cpuOf(parent));
    return child;
  }

  /** A task executes a file, whose name becomes its own: `task:task_rename`, `sched:sched_process_exec`. */
  exec(task: KernelTask, filename: string): void {
    const comm = filename.slice(filename.lastIndexOf("/") + 1).slice(0, 15);
    this.#fire("task:task_rename", renameFacts(task, comm), task);
    task.comm = comm;
    this.#fire("sched:sched_process_exec", execFacts(task, filename), task);
  }

  /** A task ends: `exit_group`, `sched:sched_process_exit`; its CPU becomes idle. */
  exit(task: KernelTask, code = 0): void {
    const place = { cpu: this.cpuOf(task), task };
    const end = () => {
      this.#fire("sched:sched_process_exit", exitFacts(task), task);
      return 0;
    };
    this.kernel.systemCall({ call: EXIT_GROUP, args: [code], result: end }, place);
    const { cpu } = place;
    if (this.kernel.currentOn(cpu) === task) this.switchTo(cpu, null, { state: TaskState.DEAD });
    this.#cpus.delete(task);
    this.kernel.tasks.exit(task);
  }

  /** Another task runs on a CPU; null: nothing. `sched:sched_switch` and the software counters of it. */
  switchTo(cpu: number, task: KernelTask | null, { state = TaskState.RUNNING }: Leaving = {}): void {
    const { kernel } = this;
    const prev = kernel.currentOn(cpu);
    const next = task ?? kernel.tasks.idle(cpu);
    if (prev === next) return;
    kernel.fire("software:context-switches", {}, { cpu, task: prev });
    kernel.fire("tracepoint:sched:sched_switch", switchFacts(prev, next, state), { cpu, task: prev });
    kernel.setCurrent(cpu, task);
    if (task === null) return;
    const before = this.#cpus.get(task);
    this.#cpus.set(task, cpu);
    if (before !== undefined && before !== cpu) kernel.fire("software:cpu-migrations", {}, { cpu, task });
  }

  /** Somebody wakes a task up: `sched:sched_waking`, `sched:sched_wakeup`. */
  wake(task: KernelTask, by: KernelTask): void {
    const facts = wakeFacts(task, this.cpuOf(task));
    this.#fire("sched:sched_waking", facts, by);
    this.#fire("sched:sched_wakeup", facts, by);
  }

  /** A system call of a task: see `EmbeddedKernel.systemCall`. */
  systemCall(
    task: KernelTask,
    call: string,
    args: readonly FireValue[] = [],
    result?: FireValue | (() => FireValue),
  ): FireResult {
    const outcome = result === undefined ? {} : { result };
    return this.kernel.systemCall({ call, args, ...outcome }, { cpu: this.cpuOf(task), task });
  }

  #fire(event: string, facts: FireFacts, task: KernelTask): void {
    this.kernel.fire(`tracepoint:${event}`, facts, { cpu: this.cpuOf(task), task });
  }
}
