import type { Btf } from "../btf/index.ts";
import type { FilePlace } from "../maps/index.ts";
import type {
  CgroupDirectory,
  PacketMetadata,
  SocketDirectory,
  SystemCalls,
  TaskDirectory,
} from "./object-services.ts";

/** What helpers tell programs of the task that runs. */
export interface CurrentTask {
  readonly pid: number;
  /** Thread group: what user space calls the process id. */
  readonly tgid: number;
  /** At most 15 bytes. */
  readonly comm: string;
  readonly uid: number;
  readonly gid: number;
  /** Offset of its `struct task_struct`; 0 where the kernel has none. */
  readonly offset: number;
  readonly cgroup: TaskCgroup;
}

/** A control group, as far as helpers tell programs of it. */
export interface TaskCgroup {
  /** Below 2^53. */
  readonly id: number;
  /** The one above it, or itself, at a level of the hierarchy; undefined where it is not that deep. */
  ancestorAt(level: number): TaskCgroup | undefined;
}

/** What a run is part of: what helpers tell the program, and what the program leaves for whoever runs it. */
export interface CurrentRun {
  /** What the attacher told the program apart by. */
  readonly cookie: bigint;
  /** The function or instruction that was probed; 0n for other events. */
  readonly ip: bigint;
  /** Offset of the `struct pt_regs` of the task that runs; 0 where nobody knows them. */
  readonly regs: number;
  /** The function that was traced has given a result. */
  readonly hasResult: boolean;
  /** Null for runs that are not in pairs. */
  readonly session: Session | null;
  /** What the probed function is to return instead of running; null: it runs. */
  override: bigint | null;
  /** What the hook of a control group gives its caller. */
  retval: number;
}

/** A program runs twice for one call of a function (`struct bpf_session_run_ctx`). */
export interface Session {
  /** Where the call ends; it has run where it began. */
  readonly isReturn: boolean;
  /** Offset of a word that stays from the one to the other; 0 at first. */
  readonly cookie: number;
}

/** A counter and how long it counted, in nanoseconds. */
export interface PerfCounter {
  readonly value: bigint;
  readonly enabled: bigint;
  readonly running: bigint;
}

/** Perf events of maps (by the map's offset) and of programs. Numbers are errno values as Linux gives them. */
export interface PerfAccess {
  /** Writes bytes to the event at a place. @returns 0 or a negative errno. */
  output(map: number, index: number, raw: Uint8Array): number;
  counter(map: number, index: number): PerfCounter | number;
  /** Of the event that the running program is for. */
  ownCounter(): PerfCounter | number;
}

/** Objects that programs allocate (`bpf_global_ma`). */
export interface ObjectMemory {
  /** Zeroed memory that programs may read and write. @returns its offset; 0 where memory is exhausted. */
  allocate(size: number): number;
  release(at: number): void;
}

/** The pages of an arena, by number. */
export interface ArenaMemory {
  readonly pages: number;
  /** High half of the user's addresses of all of them. */
  readonly userHigh: number;
  /** The page of the low half of an address; `pages` or more where it lies in none. */
  pageOf(low: number): number;
  lowOf(page: number): number;
  /** Takes pages, at `first` or (-1) anywhere. @returns the first one; -1 where they are not free. */
  allocate(first: number, count: number): number;
  /** Takes pages without any memory. */
  reserve(first: number, count: number): number;
  release(first: number, count: number): void;
}

/** Timers and work queues in map values. Results are errno values as Linux gives them, or 0. */
export interface Timers {
  /** @param at offset of the `struct bpf_timer` or `bpf_wq` in a value of the map at `map`. */
  init(kind: "timer" | "workqueue", at: number, map: number, clock: number): number;
  /** @param index of the callback in the kernel's function table. */
  setCallback(at: number, index: number): number;
  /** @param time in nanoseconds, from now on or (`absolute`) on the timer's clock. */
  start(at: number, time: number, options: { readonly absolute: boolean; readonly pinned: boolean }): number;
  /** @returns 1 where it was about to run. */
  cancel(at: number): number;
  /**
   * Has a function called in the name of a task.
   *
   * @param at offset of the `struct bpf_task_work` in a value of the map at `map`.
   * @param index of the function in the kernel's function table.
   */
  schedule(at: number, map: number, task: number, index: number): number;
  /** Its value ends. */
  free(at: number): void;
}

/** Stacks of tasks, which are named by the offset of their `struct task_struct`. */
export interface TaskStacks {
  /** As {@link HelperServices.callChain}, where a task stands; null where it has no such stack: kernel threads no user's. */
  chain(task: number, user: boolean): readonly bigint[] | null;
  /** Whether it is the task that runs. */
  isCurrent(task: number): boolean;
}

/** What helpers need of the kernel that they run in. Nothing here may await. */
export interface HelperServices {
  /** Nanoseconds since boot without time asleep (CLOCK_MONOTONIC), a whole number below 2^53. */
  monotonic(): number;
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  boottime(): number;
  /** 32 random bits, unsigned. */
  random(): number;
  /** Takes the text of one `bpf_trace_printk`; the bytes are the caller's again when it returns. */
  trace(text: Uint8Array): void;
  /**
   * The name of the kernel function that an address is in (`"do_one+0x10/0x40"`), as `%pS`, `%ps` and `%pB` print it;
   * null where there is none, or where the kernel has no symbols.
   */
  symbol?(low: number, high: number, style: "S" | "s" | "B"): string | null;
  /** Up to `limit` bytes of a user string of the current task, without its NUL; null where it faults. */
  userString?(low: number, high: number, limit: number): Uint8Array | null;
  /** Bytes of the current task's user memory; null where any of them faults. */
  userBytes?(low: number, high: number, length: number): Uint8Array | null;
  /** Writes to the current task's user memory. @returns null where it has none, as threads of the kernel; false where it faults. */
  writeUser?(low: number, high: number, bytes: Uint8Array): boolean | null;
  /** The task that runs; the idle task of CPU 0 unless told. */
  task?(): CurrentTask;
  /** Sends a signal to the task that runs. @returns 0 or a negative errno. */
  signal?(number: number): number;
  /** What the run is part of; nothing of note unless told. */
  run?(): CurrentRun;
  /** None: no place of any array has an event. */
  readonly perf?: PerfAccess;
  /** Offset of the `struct net_device` of an index in the current network namespace; 0 where there is none, as unless told. */
  device?(index: number): number;
  /** Takes a copy of a packet that is to be sent out of a device, or (`ingress`) to come in there, once the program has ended. */
  sendCopy?(device: number, frame: Uint8Array, ingress: boolean): void;
  /** Nanoseconds of International Atomic Time since 1970 (CLOCK_TAI); those since boot unless told. */
  atomicTime?(): bigint;
  /** Whether the network namespace has a device of this index; only the loopback device, 1, unless told. */
  hasDevice?(index: number): boolean;
  /**
   * Addresses of the functions that led to the program that runs, the innermost first: the kernel's, or the user's of
   * the task that runs. None unless told.
   */
  callChain?(user: boolean): readonly bigint[];
  /** Where the values of maps hang for an inode, by the offset of its struct; 0 where it can have none, as unless told. */
  inodeStorage?(inode: number): number;
  /** Stacks of other tasks; none of them has one unless told. */
  readonly taskStacks?: TaskStacks;
  /** Where in a file an address of the current task's user memory is; null where in none, or where it has no build id. */
  filePlace?(address: bigint): FilePlace | null;
  /** The arena that a map is, by the map's offset; null where it is none. */
  arena?(map: number): ArenaMemory | null;
  /** None: allocations fail. */
  readonly objects?: ObjectMemory;
  /** None: no timer can be made. */
  readonly timers?: Timers;
  /** 128 random bits, as words, that this kernel hashes flows with, the same for its whole life; zeros unless told. */
  flowKey?(): readonly [number, number, number, number];
  /** Takes text for a stream of the program that runs, 1 for output, 2 for errors. @returns 0 or a negative errno. */
  stream?(number: 1 | 2, text: Uint8Array): number;
  /** The kernel's types. */
  kernelTypes?(): Btf;
  /** Null where no system call is behind the run. */
  systemCalls?(): SystemCalls | null;
  /** How many CPUs there are; one unless told. */
  readonly cpus?: number;
  /** None: nothing is found. */
  readonly tasks?: TaskDirectory;
  /** None: nothing is found. */
  readonly cgroups?: CgroupDirectory;
  /** None: nothing is found. */
  readonly sockets?: SocketDirectory;
  /** What the device tells of the packet that the program runs on; nothing unless told. */
  packetMetadata?(): PacketMetadata;
  /** A number above 0 that no socket of this kernel has had, below 2^53; 1 unless told. */
  socketCookie?(): number;
}
