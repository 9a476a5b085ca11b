import { BpfCommands } from "../sys/index.ts";
import type { Fault } from "../vm/index.ts";
import { Machine } from "./machine.ts";
import type { KernelOptions } from "./options.ts";
import { ProcessPort } from "./port.ts";
import { Process, type ProcessOptions } from "./process.ts";

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

  /** Ends the process: what only its descriptors kept alive is gone. */
  exit(): void {
    this.caller.exit();
  }

  [Symbol.dispose](): void {
    this.exit();
  }
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

  /** What programs have printed with `bpf_trace_printk` since the last call: lines as trace_pipe shows them. */
  readTracePipe(): string {
    return this.caller.machine.tracePipe.read();
  }

  /** Whether a lenient kernel took a program that the verifier refuses. EBADF, EINVAL as every command. */
  isRefused(progFd: number): boolean {
    return this.caller.program(progFd).parts.target === null;
  }

  /**
   * Runs the callbacks of timers that are due. They run by themselves where the kernel's clock is the platform's; a kernel
   * with a clock of its own looks at each system call, and here.
   */
  runTimers(): void {
    this.caller.machine.timers.run();
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
