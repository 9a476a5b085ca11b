import { TsbpfError } from "../base/index.ts";
import {
  BpfCommands,
  Errno,
  type ProgTestRunArguments,
  type ProgTestRunResult,
  TestRunCall,
} from "../sys/index.ts";
import type { Fault } from "../vm/index.ts";
import type { CgroupTree } from "./cgroups/cgroup-tree.ts";
import { dispatchTestRun } from "./dispatcher.ts";
import { type CpuResult, type ParallelRun, runParallel } from "./executors/run-parallel.ts";
import type { FireFacts, FirePlace, FireResult } from "./hooks/fire.ts";
import { fireEvent } from "./hooks/fire-event.ts";
import { fireSystemCall, type SystemCall } from "./hooks/fire-syscall.ts";
import { Machine } from "./machine.ts";
import type { Namespace } from "./net/namespace.ts";
import { type Delivery, type Passing, receivePacket, sendCopies, sendPacket } from "./net/packet-path.ts";
import type { KernelSocket } from "./net/socket.ts";
import type { SocketAddress } from "./net/socket-address.ts";
import { bindSocket, connectSocket } from "./net/socket-calls.ts";
import type { KernelOptions } from "./options.ts";
import { ProcessPort } from "./port.ts";
import { Process, type ProcessOptions } from "./process.ts";
import { Refusal, refusing } from "./refusal.ts";
import { AddressSpace } from "./tasks/address-space.ts";
import type { KernelTask } from "./tasks/task.ts";
import type { TaskTable } from "./tasks/task-table.ts";
import { PacketFeed } from "./testrun/packet-feed.ts";

/**
 * A caller of an embedded kernel, with its own descriptors and rights: everything that `BpfCommands` offers.
 * Its descriptors close when it ends.
 */
export class KernelProcess extends BpfCommands implements Disposable {
  protected readonly caller: Process;

  constructor(caller: Process) {
    super(new ProcessPort(caller));
    this.caller = caller;
  }

  get pid(): number {
    return this.caller.pid;
  }

  /** The task in whose name it calls. */
  get task(): KernelTask {
    return this.caller.task;
  }

  /** The socket behind a descriptor. @throws RangeError where it is none of a socket. */
  socketOf(fd: number): KernelSocket {
    const object = this.caller.files.find(fd)?.object;
    if (object?.kind === "socket") return object as KernelSocket;
    throw new RangeError(`kernel: expected the descriptor of a socket, got ${fd}`);
  }

  /**
   * bind(2) of a socket: programs of its control group (`cgroup_sock_addr`) may change the address, or refuse it.
   *
   * @returns 0 or a negative errno.
   */
  bindSocket(fd: number, end: SocketAddress): number {
    return refusing(() => bindSocket(this.caller, fd, end));
  }

  /**
   * connect(2) of a socket, and all that it takes until there is a connection; programs as with {@link bindSocket}.
   *
   * @param from its own end, where it is not bound; unless told, loopback addresses have their own, and others none.
   * @returns 0 or a negative errno.
   */
  connectSocket(fd: number, end: SocketAddress, from?: SocketAddress): number {
    return refusing(() => connectSocket(this.caller, fd, end, from));
  }

  /**
   * Runs a program on several CPUs at once, each run as BPF_PROG_TEST_RUN makes it, on the kernel's other executors
   * (option `executors`). Meanwhile the caller's thread is free, and the kernel answers system calls; programs run on it
   * only as CPUs that are not in use (EBUSY). From the first parallel run on, the maps of the kernel take locks.
   *
   * ```ts
   * const results = await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 1_000_000 });
   * ```
   *
   * @throws NotSupported for a program that calls, or whose maps need, what only the kernel's own thread has: timers,
   *   stack traces, storage of objects, perf events … @throws Errno as a test run; EBUSY for a CPU that is in use.
   * @throws TsbpfError for what went wrong in an executor.
   */
  async runParallel(run: ParallelRun): Promise<readonly CpuResult[]> {
    try {
      return await runParallel(this.caller, run);
    } catch (error) {
      if (error instanceof Refusal) throw new Errno(error.errno, "BPF_PROG_TEST_RUN");
      throw error;
    }
  }

  /**
   * BPF_PROG_TEST_RUN for many repeats (`progTestRun` answers in the end only): timers, signals and input have their turn
   * every few milliseconds. Meanwhile the kernel answers system calls, but runs no other program as the same CPU (EBUSY).
   *
   * ```ts
   * const { runs, duration } = await kernel.testRun({ progFd, dataIn, repeat: 1e9 }, { signal });
   * ```
   *
   * @param options `signal` ends the run early: what it came to by then is the result, and `runs` how often the program
   *   ran. `turn` is what is waited for between parts, `setTimeout` unless told. `guard` does each part, or gives null
   *   where it was ended in the midst of it: then nothing more is asked of the kernel.
   * @throws Errno as `progTestRun`; TsbpfError where a part was ended.
   */
  async testRun(
    args: ProgTestRunArguments,
    { signal, turn = nextTurn, guard = (act) => act() }: TestRunOptions = {},
  ): Promise<ProgTestRunResult & { readonly runs: number }> {
    using call = new TestRunCall(this.port.memory, args);
    const control = { runs: 0, goesOn: () => signal?.aborted !== true };
    const parts = dispatchTestRun(this.caller, call.attr, call.attr.length, control);
    for (;;) {
      const part = guard(() => parts.next());
      if (part === null)
        throw new TsbpfError(`test run: ended in the midst of a run, after ${control.runs} others`);
      if (part.done === true) return { ...call.result(part.value), runs: control.runs };
      try {
        await turn();
      } catch (error) {
        parts.return(0);
        throw error;
      }
    }
  }

  /**
   * Runs a program on many packets, each as BPF_PROG_TEST_RUN would, without a system call for each.
   *
   * ```ts
   * using feed = kernel.packetFeed(progFd);
   * for (const packet of packets) if (feed.takes(packet)) feed.add(packet);
   * feed.run();
   * feed.verdicts.get(XdpAction.DROP);
   * ```
   *
   * @returns null for a program that has to be run one packet at a time: of a type that takes none, one that is interpreted, or one
   *   behind whose runs there is more to do, as behind `bpf_clone_redirect`.
   * @throws Errno EBADF, EINVAL for a descriptor of something else.
   */
  packetFeed(progFd: number): PacketFeed | null {
    try {
      return PacketFeed.create(this.caller, this.caller.program(progFd));
    } catch (error) {
      if (error instanceof Refusal) throw new Errno(error.errno, "BPF_PROG_TEST_RUN");
      throw error;
    }
  }

  /** Ends the process: what only its descriptors kept alive is gone. */
  exit(): void {
    this.caller.exit();
  }

  [Symbol.dispose](): void {
    this.exit();
  }
}

/** See `EmbeddedKernel.testRun`. */
export interface TestRunOptions {
  readonly signal?: AbortSignal;
  readonly turn?: () => Promise<void>;
  readonly guard?: <T>(act: () => T) => T | null;
}

/**
 * A kernel with Linux's BPF system calls that runs wherever JavaScript runs, with no privileges.
 *
 * It is also its own first process, a privileged one, so that most users need no other:
 *
 * ```ts
 * const kernel = new EmbeddedKernel({ cpus: 4 });
 * const fd = kernel.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 16 });
 * ```
 */
export class EmbeddedKernel extends KernelProcess {
  constructor(options: KernelOptions = {}) {
    super(new Process(new Machine(options)));
  }

  /** Another process of this kernel. */
  process(options: ProcessOptions = {}): KernelProcess {
    return new KernelProcess(new Process(this.caller.machine, options));
  }

  /**
   * Ends the kernel: its executors on other threads, and its first process. Parallel runs that are under way end within
   * some milliseconds.
   */
  async shutdown(): Promise<void> {
    await this.caller.machine.others?.close();
    this.exit();
  }

  override [Symbol.dispose](): void {
    void this.caller.machine.others?.close();
    this.exit();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  // --- what the kernel observes -----------------------------------------------------------------------------------

  /**
   * Fires an event: runs what is attached to it. Probes are named `tracepoint:CATEGORY:NAME`, `rawtracepoint:NAME`,
   * `function:NAME` (kprobes, fentry, fmod_ret, fexit and kretprobes of one call), `uprobe:PATH:OFFSET`,
   * `uretprobe:PATH:OFFSET`, `software:NAME` and `hardware:NAME`.
   *
   * ```ts
   * kernel.fire("tracepoint:sched:sched_process_exec", { fields: { filename: "/bin/ls", pid: 7 } }, { cpu: 2 });
   * ```
   *
   * @throws RangeError for an event that this kernel does not have.
   */
  fire(probe: string, facts: FireFacts = {}, place: FirePlace = {}): FireResult {
    return fireEvent(this.caller.machine, probe, facts, place);
  }

  /**
   * A system call of a task: tracepoints of its entry and exit, and what is attached to its function.
   *
   * ```ts
   * kernel.systemCall({ call: "openat", args: [-100, 0x7fff_0000n], result: 3 }, { task });
   * ```
   */
  systemCall(call: SystemCall, place: FirePlace = {}): FireResult {
    return fireSystemCall(this.caller.machine, call, place);
  }

  /** The tasks of this kernel: every process is one, and others can be made. */
  get tasks(): TaskTable {
    return this.caller.machine.tasks;
  }

  /** Has a task run on a CPU from now on; null: its idle task. Events there happen in its name. */
  setCurrent(cpu: number, task: KernelTask | null): void {
    this.caller.machine.setCurrent(cpu, task);
  }

  /** What runs on a CPU. */
  currentOn(cpu: number): KernelTask {
    return this.caller.machine.currentOn(cpu);
  }

  /** The control groups of this kernel, mounted at /sys/fs/cgroup. */
  get cgroups(): CgroupTree {
    return this.caller.machine.cgroups;
  }

  /** The network namespace that tasks are in unless told. */
  get namespace(): Namespace {
    return this.caller.machine.namespace;
  }

  /** A new network namespace, with a loopback device. */
  createNamespace(): Namespace {
    return this.caller.machine.createNamespace();
  }

  /** User memory for a task, of which nothing is mapped. */
  createAddressSpace(): AddressSpace {
    return new AddressSpace(this.caller.machine.memory);
  }

  /**
   * A frame comes in at a device: XDP, tcx, netfilter, the lookup of a socket, control groups and filters.
   *
   * @throws RangeError for less than an Ethernet header, and for what does not fit into a page.
   */
  receive(frame: Uint8Array, passing: Passing): Delivery {
    const delivery = receivePacket(this.caller.machine, frame, passing);
    sendCopies(this.caller.machine);
    return delivery;
  }

  /** A frame leaves through a device: netfilter, control groups, tcx. What leaves by loopback comes in. */
  send(frame: Uint8Array, passing: Passing): Delivery {
    const delivery = sendPacket(this.caller.machine, frame, passing);
    sendCopies(this.caller.machine);
    return delivery;
  }

  /** What programs have printed with `bpf_trace_printk` since the last call: lines as trace_pipe shows them. */
  readTracePipe(): string {
    return this.caller.machine.tracePipe.read();
  }

  /** Whether a lenient kernel took a program that the verifier refuses. EBADF, EINVAL as every command. */
  isRefused(progFd: number): boolean {
    return this.caller.program(progFd).parts.target === null;
  }

  /**
   * Runs the callbacks of timers, and takes the samples of clocks, that are due. They run by themselves where the kernel's clock is the platform's; a kernel
   * with a clock of its own looks at each system call, and here.
   */
  runTimers(): void {
    this.caller.machine.runDue();
  }

  /** Bytes of the kernel's memory in use: maps, programs, stacks and all other objects. */
  get memoryUsed(): number {
    return this.caller.machine.memory.used;
  }

  /**
   * Why the last run of a program that no verifier has seen ended early (its test run gave EFAULT); null where none
   * did.
   */
  get lastFault(): Fault | null {
    return this.caller.machine.lastFault;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0));
}
