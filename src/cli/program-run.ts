import {
  type CapturedPacket,
  LINKTYPE,
  linktypeName,
  type PacketBatch,
  PLACE_WORDS,
} from "../packets/index.ts";
import { Errno } from "../sys/index.ts";
import { BpfProgType, Errno as E, errnoMessage } from "../uapi/index.ts";
import { asEthernet, type CaptureRun, PUT_ASIDE, runCapture } from "./capture-run.ts";
import type { CliIo, OpenKernel, PacketFeed } from "./io.ts";
import { packetLimit } from "./packet-limits.ts";
import type { Progress } from "./progress.ts";

/** A program that is run on packets, and what came of it. */
export interface PacketRun extends CaptureRun {
  readonly verdicts: ReadonlyMap<number, number>;
  /** Packets that the kernel would not run the program on, by the reason. */
  readonly refused: ReadonlyMap<string, number>;
  /** Packets that had another link layer and were given an Ethernet header. */
  readonly reframed: number;
  /** Nanoseconds inside the program, as the kernel counts them. */
  readonly nanoseconds: number;
  /** Packets of which the capture has only the beginning. */
  readonly cut: number;
  /** How often each packet was to be run, and how many runs there were in all. */
  readonly repeat: number;
  readonly runs: number;
}

/**
 * Runs of one test run. A run goes on with what the one before left of the packet, so their number must not depend on
 * the machine's speed; and nothing else has its turn meanwhile.
 */
const REPEATS_PART = 1024;

/** A loaded program that takes packets. */
export interface RunnableProgram {
  readonly fd: number;
  /** A value of `BpfProgType`. */
  readonly type: number;
  /** See `mayRunLong`. */
  readonly long?: boolean;
}

/** Runs a loaded program on all packets of a capture. */
export async function runOnCapture(
  io: CliIo,
  kernel: OpenKernel,
  program: RunnableProgram,
  options: { readonly path: string; readonly repeat: number; readonly progress: Progress },
): Promise<PacketRun> {
  const runner = new PacketRunner(io, kernel, program, options.repeat);
  const { packets, bytes, ...run } = await runner.all(options.path, options.progress);
  return {
    ...run,
    packets: packets - runner.dropped.packets,
    bytes: bytes - runner.dropped.bytes,
    verdicts: runner.verdicts,
    refused: runner.refused,
    reframed: runner.reframed,
    nanoseconds: runner.nanoseconds,
    cut: runner.cut,
    repeat: options.repeat,
    runs: runner.runs,
  };
}

class PacketRunner {
  readonly verdicts = new Map<number, number>();
  readonly refused = new Map<string, number>();
  reframed = 0;
  nanoseconds = 0;
  cut = 0;
  runs = 0;
  readonly #io: CliIo;
  readonly #kernel: OpenKernel;
  readonly #program: RunnableProgram;
  readonly #repeat: number;
  readonly #feed: PacketFeed | null;
  /** What may take long is run so that Ctrl-C ends it: then it gives undefined. */
  readonly #guarded: <T>(act: () => T) => T | undefined;
  /** Bytes on the wire of what waits in the feed. */
  #waitingBytes = 0;
  /** Packets that were read, but not run when the user ended it. */
  dropped = { packets: 0, bytes: 0 };

  constructor(io: CliIo, kernel: OpenKernel, program: RunnableProgram, repeat: number) {
    this.#io = io;
    this.#kernel = kernel;
    this.#program = program;
    this.#repeat = repeat;
    this.#guarded = program.long === true ? (act) => io.interruptible(act) ?? undefined : (act) => act();
    this.#feed = repeat === 1 ? (kernel.packetFeed?.(program.fd) ?? null) : null;
  }

  /** Runs the program on all packets of a capture. */
  async all(path: string, progress: Progress): Promise<CaptureRun> {
    const feed = this.#feed;
    try {
      const run = await runCapture(this.#io, path, progress, {
        each: (packet, signal) => this.#run(packet, signal),
        ...(feed === null ? {} : { many: (batch) => this.#feedMany(feed, batch) }),
        rest: () => this.#runWaiting(),
      });
      if (feed === null) return run;
      if (run.interrupted) this.dropped = { packets: feed.waiting, bytes: this.#waitingBytes };
      else this.#runWaiting();
      this.runs += feed.runs;
      this.nanoseconds += feed.nanoseconds;
      for (const [verdict, times] of feed.verdicts) count(this.verdicts, verdict, times);
      for (const [fault, times] of feed.faults) count(this.refused, fault, times);
      return run;
    } finally {
      feed?.close();
    }
  }

  /** Runs the program on a packet; what takes long goes on after the call. */
  #run(packet: CapturedPacket, signal: AbortSignal): Promise<void> | typeof PUT_ASIDE | undefined {
    const feed = this.#feed;
    if (packet.linktype === LINKTYPE.ETHERNET && feed?.takes(packet) === true)
      return this.#feedTo(feed, packet, packet);
    const frame = asEthernet(packet);
    if (frame === null) {
      count(this.refused, `link type ${linktypeName(packet.linktype)} has no Ethernet or IP header`);
      return undefined;
    }
    const framed = { bytes: frame, offset: 0, length: frame.length };
    if (feed?.takes(framed) === true) {
      this.reframed++;
      return this.#feedTo(feed, packet, framed);
    }
    // Packets are run in their order.
    this.#runWaiting();
    if (packet.length < packet.originalLength) this.cut++;
    if (this.#repeat > REPEATS_PART) return this.#runOften(packet, frame, signal);
    const retval = this.#testRun(frame, this.#repeat);
    if (retval !== undefined) this.#ran(packet, retval);
    return undefined;
  }

  /** Runs the program on the packets that wait in the feed. */
  #runWaiting(): void {
    this.#guarded(() => this.#feed?.run());
    this.#waitingBytes = 0;
  }

  #feedMany(feed: PacketFeed, batch: PacketBatch): number {
    if (batch.linktype !== LINKTYPE.ETHERNET || batch.count === 0) return 0;
    const waited = feed.waiting;
    const taken = this.#guarded(() => feed.addMany(batch, 0)) ?? 0;
    // What waited was run first, where it was much.
    if (feed.waiting !== waited + taken) this.#waitingBytes = 0;
    for (let i = 0; i < taken; i++) {
      const [length, original] = [batch.places[PLACE_WORDS * i + 1]!, batch.places[PLACE_WORDS * i + 2]!];
      if (length < original) this.cut++;
      this.#waitingBytes += original;
    }
    return taken;
  }

  #feedTo(
    feed: PacketFeed,
    packet: CapturedPacket,
    frame: Parameters<PacketFeed["add"]>[0],
  ): typeof PUT_ASIDE | undefined {
    if (packet.length < packet.originalLength) this.cut++;
    const ran = this.#guarded(() => feed.add(frame)) ?? true;
    if (ran) this.#waitingBytes = 0;
    this.#waitingBytes += packet.originalLength;
    return ran ? undefined : PUT_ASIDE;
  }

  /** In parts, each on the packet as it was captured, so that signals have their turn. */
  async #runOften(packet: CapturedPacket, frame: Uint8Array, signal: AbortSignal): Promise<void> {
    let retval: number | undefined;
    for (let left = this.#repeat; left > 0 && !signal.aborted; left -= REPEATS_PART) {
      retval = this.#testRun(frame, Math.min(REPEATS_PART, left));
      if (retval === undefined) return;
      await this.#io.turn();
    }
    if (retval !== undefined) this.#ran(packet, retval);
  }

  /** @returns what the program returned, or undefined where it was not run. */
  #testRun(frame: Uint8Array, repeat: number): number | undefined {
    try {
      const run = this.#guarded(() =>
        this.#kernel.sys.progTestRun({ progFd: this.#program.fd, dataIn: frame, repeat }),
      );
      if (run === undefined) return undefined;
      this.runs += repeat;
      this.nanoseconds += run.duration * repeat;
      return run.retval;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      // A kernel that has no test runs for the type has none for any packet.
      if (error.errno === E.EOPNOTSUPP || error.errno === E.ENOTSUPP) throw error;
      const limit = packetLimit(this.#program.type, frame, error.errno);
      count(this.refused, limit ?? runProblem(this.#kernel, error));
      return undefined;
    }
  }

  #ran(packet: CapturedPacket, retval: number): void {
    count(this.verdicts, retval);
    if (packet.linktype !== LINKTYPE.ETHERNET) this.reframed++;
  }
}

/** Why a run failed: the fault, where the kernel knows one. */
export function runProblem(kernel: OpenKernel, error: Errno): string {
  const fault = error.errno === E.EFAULT ? kernel.fault() : null;
  return fault ?? errnoMessage(error.errno);
}

function count<Key>(counts: Map<Key, number>, key: Key, times = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}

/** Whether programs of a type are run on packets. */
export function takesPackets(type: number): boolean {
  return PACKET_TYPES.has(type);
}

const PACKET_TYPES: ReadonlySet<number> = new Set([
  BpfProgType.SOCKET_FILTER,
  BpfProgType.SCHED_CLS,
  BpfProgType.SCHED_ACT,
  BpfProgType.XDP,
  BpfProgType.CGROUP_SKB,
  BpfProgType.LWT_IN,
  BpfProgType.LWT_OUT,
  BpfProgType.LWT_XMIT,
  BpfProgType.LWT_SEG6LOCAL,
  BpfProgType.FLOW_DISSECTOR,
]);
