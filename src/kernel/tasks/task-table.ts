import type { Cgroup } from "../cgroups/cgroup.ts";
import type { Namespace } from "../net/namespace.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import type { TaskMemory } from "../user-memory.ts";
import { KernelTask } from "./task.ts";

/** A new task: what is absent it has from its parent, or is the idle task's. */
export interface TaskOptions {
  /** The next free number unless told. */
  readonly pid?: number;
  /** Its own number, of a process, unless told; a thread has that of its process. */
  readonly tgid?: number;
  /** At most 15 bytes. */
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly parent?: KernelTask;
  readonly cgroup?: Cgroup;
  readonly namespace?: Namespace;
  readonly memory?: TaskMemory;
}

/** Where tasks are born. */
export interface TaskHome {
  readonly structs: StructAllocator;
  readonly cgroup: Cgroup;
  readonly namespace: Namespace;
  /** Nanoseconds since boot. */
  readonly clock: () => number;
}

/** The tasks of a kernel by number, and what runs on each CPU when nothing else does. */
export class TaskTable {
  readonly #home: TaskHome;
  readonly #tasks = new Map<number, KernelTask>();
  readonly #idle = new Map<number, KernelTask>();
  /** Tasks that have ended, and that programs still hold. */
  readonly #held = new Set<KernelTask>();
  #lastPid = 0;

  constructor(home: TaskHome) {
    this.#home = home;
  }

  /** The idle task of a CPU: `swapper/CPU`, number 0, which nobody finds by it. */
  idle(cpu: number): KernelTask {
    let task = this.#idle.get(cpu);
    if (task === undefined) {
      task = this.#make({ pid: 0, comm: `swapper/${cpu}` });
      this.#idle.set(cpu, task);
    }
    return task;
  }

  /** A new task. @throws RangeError where its number is taken. */
  create(options: TaskOptions = {}): KernelTask {
    const pid = options.pid ?? this.#nextPid();
    if (this.#tasks.has(pid)) throw new RangeError(`kernel: expected a pid that is free, got ${pid}`);
    const task = this.#make({ ...options, pid });
    this.#tasks.set(pid, task);
    return task;
  }

  find(pid: number): KernelTask | undefined {
    return this.#tasks.get(pid);
  }

  /** All but the idle ones, by number. */
  values(): readonly KernelTask[] {
    return [...this.#tasks.values()].sort((one, other) => one.pid - other.pid);
  }

  /** The task whose struct is at an offset, also where it has ended and a program holds it. */
  at(offset: number): KernelTask | undefined {
    for (const tasks of [this.#tasks.values(), this.#idle.values(), this.#held])
      for (const task of tasks) if (task.isAt(offset)) return task;
    return undefined;
  }

  /** The idle task of CPU 0, and all others in the order in which they came. */
  inOrder(): readonly KernelTask[] {
    return [this.idle(0), ...this.#tasks.values()];
  }

  /** Ends a task. */
  exit(task: KernelTask): void {
    task.exited = true;
    if (this.#tasks.get(task.pid) === task) this.#tasks.delete(task.pid);
    if (task.isHeld) this.#held.add(task);
    else task.free();
  }

  /** A program gives its reference back. */
  drop(task: KernelTask): void {
    task.drop();
    if (!task.exited || task.isHeld) return;
    this.#held.delete(task);
    task.free();
  }

  #nextPid(): number {
    do this.#lastPid++;
    while (this.#tasks.has(this.#lastPid));
    return this.#lastPid;
  }

  #make(options: TaskOptions & { readonly pid: number }): KernelTask {
    const { structs, cgroup, namespace, clock } = this.#home;
    const { pid, parent } = options;
    return new KernelTask(structs, {
      pid,
      tgid: options.tgid ?? pid,
      comm: (options.comm ?? parent?.comm ?? "").slice(0, 15),
      uid: options.uid ?? parent?.uid ?? 0,
      gid: options.gid ?? parent?.gid ?? 0,
      parent: parent ?? (pid === 0 ? null : this.idle(0)),
      cgroup: options.cgroup ?? parent?.cgroup ?? cgroup,
      namespace: options.namespace ?? parent?.namespace ?? namespace,
      memory: options.memory,
      // The first task, and the idle ones, are there since boot.
      started: pid === 0 || this.#tasks.size === 0 ? 0 : clock(),
    });
  }
}
