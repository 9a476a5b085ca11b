import type { Btf } from "../btf/index.ts";
import type { CapturedPacket, PacketBatch } from "../packets/index.ts";
import type { BpfCommands, ProgTestRunArguments, ProgTestRunResult } from "../sys/index.ts";

/** Where text and bytes go. */
export interface Output {
  /**
   * Appends; what is small may stay in a buffer until the next {@link drain}. The bytes may be used again after the
   * call. Throws {@link OutputClosed} where nobody reads any more, and FileError for what else goes wrong.
   */
  write(data: Uint8Array | string): void;
  /** Waits until the other end has taken everything: call it between slices of a long output. */
  drain(): Promise<void>;
  readonly isTerminal: boolean;
  /** Width of the terminal; 80 where it is none. */
  readonly columns: number;
  /** Whether colours are wanted here: a terminal, and `NO_COLOR` is not set. */
  readonly colour: boolean;
}

/** A file that is read from its start to its end. */
export interface ByteSource {
  /** Bytes in all; null where that is not known (a pipe). */
  readonly size: number | null;
  /** The next bytes, at least one; null at the end. They may be overwritten by the next call. */
  read(): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

/** Which kernel a command speaks to: `"embedded"`, `"linux"`, or the path of a socket. */
export type KernelChoice = string;

/** What bpf(2) asks for, without `CAP_`. */
export const ALL_CAPABILITIES: readonly string[] = ["BPF", "PERFMON", "NET_ADMIN", "SYS_ADMIN", "SYSLOG"];

/** How a kernel is opened. */
export interface KernelRequest {
  readonly kind: KernelChoice;
  /** Path of the BTF that an embedded kernel takes its structs from; what the machine has unless told. */
  readonly btf?: string | undefined;
  /** False: programs are only looked at, and an embedded kernel takes also those that it could not run. */
  readonly execute?: boolean | undefined;
  /** True, with `execute` false: an embedded kernel takes also programs that its verifier refuses. */
  readonly lenient?: boolean | undefined;
  /** The release of Linux that an embedded kernel is: 6.18 unless told. */
  readonly release?: string | undefined;
  /** Capabilities of the caller, of `ALL_CAPABILITIES`; all of them unless told. None: where anyone may load programs. */
  readonly rights?: readonly string[] | undefined;
  /** Possible CPUs of an embedded kernel. */
  readonly cpus?: number | undefined;
  /** What runs programs in an embedded kernel; its own choice unless told. */
  readonly engine?: "interp" | "jit" | undefined;
  /** True, of the JIT: programs are compiled at once as those are that have run often. */
  readonly hot?: boolean | undefined;
}

/** Runs of one program on many packets, a few at a time. */
export interface PacketFeed {
  /** Whether a packet can be fed; others are run by themselves. */
  takes(packet: Pick<CapturedPacket, "bytes" | "offset" | "length">): boolean;
  /** Adds a packet, some bytes of a buffer. @returns whether it ran the program on those that waited. */
  add(packet: Pick<CapturedPacket, "bytes" | "offset" | "length">): boolean;
  /** Adds packets of a batch, from its packet `from` on. @returns how many. */
  addMany(batch: PacketBatch, from: number): number;
  /** Packets that wait. */
  readonly waiting: number;
  /** Runs the program on all that wait. */
  run(): void;
  /** Runs so far that came to their end, what they returned and how often, and faults by message. */
  readonly runs: number;
  readonly verdicts: ReadonlyMap<number, number>;
  readonly faults: ReadonlyMap<string, number>;
  /** Inside of runs. */
  readonly nanoseconds: number;
  close(): void;
}

/** A kernel that a command may talk to until it closes it. */
export interface OpenKernel {
  readonly sys: BpfCommands;
  /** Why the last run ended early (its call gave EFAULT), where the kernel tells; else null. */
  fault(): string | null;
  /** Whether the program behind a descriptor was taken although the verifier refuses it (`lenient`). */
  isRefused(progFd: number): boolean;
  /** What programs printed since the last call, as trace_pipe shows it. */
  tracePipe(): string;
  /** The kernel's types, for programs that ask for their layout (CO-RE); null where nothing tells them. */
  targetBtf(): Btf | null;
  /** A way to run a program on many packets that is faster than a system call for each; null where there is none. */
  packetFeed?(progFd: number): PacketFeed | null;
  /** A test run of many repeats that lets signals have their turn; absent where there are none. `runs` says how many it came to. */
  testRun?(
    args: ProgTestRunArguments,
    options: {
      readonly signal: AbortSignal;
      readonly turn: () => Promise<void>;
      readonly guard?: <T>(act: () => T) => T | null;
    },
  ): Promise<ProgTestRunResult & { readonly runs: number }>;
  close(): void;
}

/** Everything that commands know of the world. `src/node` has the one for a process; tests have their own. */
export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** A whole file. Throws FileError. */
  readFile(path: string): Promise<Uint8Array>;
  /** A file to be read piece by piece; `"-"` is standard input. Throws FileError. */
  openFile(path: string): Promise<ByteSource>;
  /** Replaces a file. Throws FileError. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** The path of a file that comes with the package, as short as it can be typed. */
  packageFile(path: string): string;
  /** What people type to run this: `"tsbpf"`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds, from any origin, never going back. */
  now(): number;
  /** Lets waiting input, timers and signals have their turn. */
  turn(): Promise<void>;
  /**
   * Aborted by Ctrl-C and by a request to end. The first call takes these signals over: a command that asks for it must
   * end soon after; one that does not is ended at once.
   */
  signal(): AbortSignal;
  /**
   * Runs what does not let signals have their turn. Ctrl-C ends it wherever it is: the signal is aborted, and what it
   * worked on must not be used any more.
   *
   * @returns what it gave; null where it was ended.
   */
  interruptible<T>(act: () => T): T | null;
  /** Throws NotSupported for a kernel that this version cannot speak to. */
  openKernel(request: KernelRequest): Promise<OpenKernel>;
  /** A graph in Graphviz's language as SVG. Throws NotSupported where the renderer is not installed. */
  renderSvg(dot: string): Promise<string>;
  /** Of tsbpf: `"0.1.0"`. */
  readonly version: string;
  /** What runs it: `"Node.js v20.19.0"`. */
  readonly platform: string;
}
