import { SpecialField } from "../btf/index.ts";
import type { Timers } from "../helpers/index.ts";
import { isArrayType } from "../maps/index.ts";
import type { KernelMemory } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelMap } from "./objects/map.ts";
import type { KernelProgram } from "./objects/program.ts";

type Kind = "timer" | "workqueue" | "taskWork";

/** Where a value has what is to run later. */
const FIELDS = {
  timer: SpecialField.TIMER,
  workqueue: SpecialField.WORKQUEUE,
  taskWork: SpecialField.TASK_WORK,
} as const;

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

/** Longest time that a host's timer can wait, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** What timers need of their kernel. */
export interface TimerMachine {
  readonly memory: KernelMemory;
  /** Nanoseconds since boot. */
  readonly clock: () => number;
  /** Nanoseconds since 1970 (CLOCK_REALTIME). */
  readonly timeOfDay: () => number;
  readonly mapAt: (offset: number) => KernelMap | undefined;
  readonly programs: { values(): Iterable<KernelProgram> };
  readonly cpu: () => number;
  /** Whether a program runs. */
  readonly busy: () => boolean;
  /** Does something in the name of a task whose struct is at an offset, 0 for none; nothing where it has ended. */
  inTask(task: number, act: () => void): void;
  /** Calls a function of a program back, as a CPU, with pointers to a map, a key and a value. */
  runCallback(cpu: number, index: number, map: number, key: Uint8Array, value: number): void;
}

/** A timer or work queue in a map value: `struct bpf_hrtimer`, `struct bpf_work`. */
interface Pending {
  readonly kind: Kind;
  readonly map: KernelMap;
  readonly value: number;
  readonly clock: number;
  program: KernelProgram | null;
  callback: number;
  /** Nanoseconds since boot at which it runs; null while it is not started. */
  deadline: number | null;
  cpu: number;
  /** In whose name it runs, as the offset of its struct; 0 for whoever runs then. */
  task: number;
}

/**
 * Timers and work queues of map values. A callback runs when its time has come and no program runs: before and after
 * each system call, and, by the platform's own clock, between them. A kernel whose clock is the caller's runs them
 * when it is called: nothing depends on when the host looks.
 */
export class KernelTimers implements Timers {
  readonly #machine: TimerMachine;
  /** By the number that the value holds. */
  readonly #objects = new Map<number, Pending>();
  readonly #started = new Set<Pending>();
  readonly #realTime: boolean;
  #running: Pending | null = null;
  #lastNumber = 0;
  #wake: ReturnType<typeof setTimeout> | undefined;

  /** @param realTime whether the kernel's clock goes on by itself. */
  constructor(machine: TimerMachine, realTime: boolean) {
    this.#machine = machine;
    this.#realTime = realTime;
  }

  init(kind: Kind, at: number, mapOffset: number, clock: number): number {
    const { memory } = this.#machine;
    if (memory.view().getUint32(at, true) !== 0) return -Errno.EBUSY;
    const map = this.#machine.mapAt(mapOffset);
    if (map === undefined) return -Errno.EINVAL;
    // Nobody would ever end it.
    if (map.users === 0) return -Errno.EPERM;
    const offset = map.parts.record?.fields.find(({ type }) => type === FIELDS[kind])?.offset ?? 0;
    const number = ++this.#lastNumber;
    memory.view().setUint32(at, number, true);
    this.#objects.set(number, {
      kind,
      map,
      value: at - offset,
      clock,
      program: null,
      callback: 0,
      deadline: null,
      cpu: 0,
      task: 0,
    });
    return 0;
  }

  /** `bpf_task_work_schedule`: what is scheduled already stays, and so does what nobody holds the map of. EBUSY. */
  schedule(at: number, mapOffset: number, task: number, index: number): number {
    if (this.#at(at) === undefined) {
      const problem = this.init("taskWork", at, mapOffset, CLOCK_MONOTONIC);
      if (problem !== 0) return problem === -Errno.EPERM ? -Errno.EBUSY : problem;
    }
    const object = this.#at(at)!;
    if (object.deadline !== null || object === this.#running) return -Errno.EBUSY;
    const problem = this.setCallback(at, index);
    if (problem !== 0) return problem === -Errno.EPERM ? -Errno.EBUSY : problem;
    object.task = task;
    return this.start(at, 0, { absolute: false, pinned: false });
  }

  setCallback(at: number, index: number): number {
    const object = this.#at(at);
    if (object === undefined) return -Errno.EINVAL;
    if (object.map.users === 0) return -Errno.EPERM;
    const program = this.#ownerOf(index);
    if (program === undefined) return -Errno.ENOENT;
    if (object.program !== program) {
      program.get();
      object.program?.put();
      object.program = program;
    }
    object.callback = index;
    return 0;
  }

  /** The program that has a function. */
  #ownerOf(index: number): KernelProgram | undefined {
    for (const program of this.#machine.programs.values()) if (program.parts.code.owns(index)) return program;
    return undefined;
  }

  start(at: number, time: number, options: { readonly absolute: boolean; readonly pinned: boolean }): number {
    const object = this.#at(at);
    if (object?.program == null) return -Errno.EINVAL;
    const now = this.#machine.clock();
    const ofDay = options.absolute && object.clock === CLOCK_REALTIME;
    const ahead = ofDay ? time - this.#machine.timeOfDay() : time;
    object.deadline = options.absolute && !ofDay ? time : now + Math.max(ahead, 0);
    object.cpu = this.#machine.cpu();
    this.#started.add(object);
    this.#arm();
    return 0;
  }

  cancel(at: number): number {
    const object = this.#at(at);
    if (object === undefined) return -Errno.EINVAL;
    // It would wait for itself.
    if (object === this.#running) return -Errno.EDEADLK;
    const waited = object.deadline !== null;
    this.#stop(object);
    return waited ? 1 : 0;
  }

  free(at: number): void {
    const view = this.#machine.memory.view();
    const number = view.getUint32(at, true);
    const object = this.#objects.get(number);
    if (object === undefined) return;
    view.setUint32(at, 0, true);
    this.#objects.delete(number);
    this.#stop(object);
  }

  /** Runs what is due, unless a program runs. Callbacks that start anew wait for the next time. */
  run(): void {
    if (this.#started.size === 0 || this.#machine.busy()) return;
    const now = this.#machine.clock();
    const due = [...this.#started].filter(({ deadline }) => deadline! <= now);
    // Those of one time in the order in which they were started.
    due.sort((one, other) => one.deadline! - other.deadline!);
    for (const object of due) if (object.deadline !== null && object.deadline <= now) this.#runOne(object);
    this.#arm();
  }

  #runOne(object: Pending): void {
    object.deadline = null;
    this.#started.delete(object);
    this.#running = object;
    const { map, value, callback, cpu, task } = object;
    const run = () => this.#machine.runCallback(cpu, callback, map.offset, this.#keyOf(map, value), value);
    try {
      this.#machine.inTask(task, run);
    } finally {
      this.#running = null;
    }
  }

  /** The key of the element that a value belongs to. */
  #keyOf(map: KernelMap, value: number): Uint8Array {
    const { keySize } = map;
    if (isArrayType(map.type)) {
      const stride = (map.valueSize + 7) & -8;
      const index = (value - map.parts.storage.values) / stride;
      return new Uint8Array(Uint32Array.of(index).buffer);
    }
    const key = value - ((keySize + 7) & -8);
    return this.#machine.memory.bytes().slice(key, key + keySize);
  }

  #at(at: number): Pending | undefined {
    return this.#objects.get(this.#machine.memory.view().getUint32(at, true));
  }

  /** `drop_prog_refcnt`, and off the queue. */
  #stop(object: Pending): void {
    object.deadline = null;
    this.#started.delete(object);
    object.program?.put();
    object.program = null;
  }

  /** Has the host look when the next one is due; that alone keeps no process alive. */
  #arm(): void {
    if (!this.#realTime) return;
    clearTimeout(this.#wake);
    this.#wake = undefined;
    if (this.#started.size === 0) return;
    const next = Math.min(...[...this.#started].map(({ deadline }) => deadline!));
    const wait = Math.min(Math.max(Math.ceil((next - this.#machine.clock()) / 1e6), 0), LONGEST_WAIT);
    this.#wake = setTimeout(() => this.run(), wait);
    (this.#wake as { unref?: () => void }).unref?.();
  }
}
