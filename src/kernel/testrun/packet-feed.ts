import { CallKind, lookup } from "../../isa/index.ts";
import { isCgroupStorage } from "../../maps/index.ts";
import { PAGE_SIZE } from "../../mem/index.ts";
import { BpfAttachType, BpfFuncId, BpfProgType } from "../../uapi/index.ts";
import {
  createFrameDriver,
  type DriveFrames,
  FRAME_RECORD_SIZE,
  FRAME_SLACK,
  SMALL_RESULTS,
} from "../../vm/index.ts";
import type { Machine } from "../machine.ts";
import { layXdp, XDP_HEADROOM } from "../net/lay-xdp.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";

/** Frames that are kept before they have to be run, and their bytes. */
const MOST_FRAMES = 4096;
const MOST_BYTES = 1 << 20;

const RECORD_WORDS = FRAME_RECORD_SIZE / 4;
/** Words of each frame in {@link FrameBatch.places}. */
const PLACE_WORDS = 3;

/** Nanoseconds after which the caller has its turn again. */
const SLICE = 4_000_000;
const FIRST_SLICE = 16;

const ETH_HLEN = 14;

const COUNTS_SIZE = 4 * SMALL_RESULTS;

/** A frame: bytes of a buffer. */
export interface FrameBytes {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** Frames that lie in one buffer, in this order. */
export interface FrameBatch {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Three words of each: its offset in the buffer, its length, and one that does not matter. */
  readonly places: Uint32Array;
}

/** What came of frames, over all runs of a feed. */
export interface FeedResults {
  /** Runs that came to their end. */
  readonly runs: number;
  /** How often each result was returned, unsigned 32 bits. */
  readonly verdicts: ReadonlyMap<number, number>;
  /** How often runs ended with a fault, by its message. */
  readonly faults: ReadonlyMap<string, number>;
  /** Inside of runs. */
  readonly nanoseconds: number;
}

/**
 * Runs an XDP program on one frame after the other, each as BPF_PROG_TEST_RUN with the frame as its data would, but
 * many with one call: a system call costs much more than most programs.
 */
export class PacketFeed implements FeedResults, Disposable {
  runs = 0;
  readonly verdicts = new Map<number, number>();
  readonly faults = new Map<string, number>();
  nanoseconds = 0;
  readonly #process: Process;
  readonly #machine: Machine;
  readonly #program: KernelProgram;
  readonly #drive: DriveFrames;
  readonly #clear: boolean;
  /** Longest frame that is in one piece. */
  readonly #room: number;
  readonly #contextSize: number;
  /** Of one block: the template of the context, counts of results, the records behind their header, the bytes of frames. */
  readonly #block: number;
  readonly #counts: number;
  readonly #records: number;
  readonly #bytes: number;
  #count = 0;
  #used = 0;
  /** Frames that are run before the caller has its turn. */
  #slice = FIRST_SLICE;

  private constructor(process: Process, program: KernelProgram, block: number) {
    const { machine } = process;
    const { packets, memory } = machine;
    const { xdp } = packets;
    this.#process = process;
    this.#machine = machine;
    this.#program = program;
    this.#block = block;
    this.#contextSize = (xdp.size + 15) & -16;
    this.#counts = block + this.#contextSize;
    this.#records = this.#counts + COUNTS_SIZE;
    memory.bytes().fill(0, this.#counts, this.#records);
    this.#bytes = this.#records + FRAME_RECORD_SIZE * (MOST_FRAMES + 1);
    this.#room = packets.room - XDP_HEADROOM;
    this.#clear = mayLookAround(program);
    const places = { headroom: XDP_HEADROOM, meta: 0, queue: machine.loopback.queue };
    layXdp(machine, new Uint8Array(ETH_HLEN), places);
    memory.bytes().copyWithin(block, xdp.offset, xdp.offset + xdp.size);
    this.#drive = createFrameDriver(machine.executor, {
      context: xdp.offset,
      template: block,
      contextSize: xdp.size,
      endAt: xdp.at("data_end"),
      data: packets.frame + XDP_HEADROOM,
      page: packets.frame,
      pageSize: PAGE_SIZE,
      counts: this.#counts,
    });
    this.#begin();
  }

  /** A feed of a program; null where it has to be run otherwise: it is none of XDP, not compiled, or not verified. */
  static create(process: Process, program: KernelProgram): PacketFeed | null {
    const { machine } = process;
    const { parts } = program;
    if (parts.type !== BpfProgType.XDP || parts.code.image === null || parts.target === null) return null;
    if (parts.expectedAttachType === BpfAttachType.XDP_DEVMAP) return null;
    if (parts.expectedAttachType === BpfAttachType.XDP_CPUMAP) return null;
    if (program.maps.some(({ type }) => isCgroupStorage(type))) return null;
    const size =
      ((machine.packets.xdp.size + 15) & -16) +
      COUNTS_SIZE +
      FRAME_RECORD_SIZE * (MOST_FRAMES + 1) +
      MOST_BYTES +
      FRAME_SLACK;
    const block = machine.memory.alloc(size, 16);
    return block === 0 ? null : new PacketFeed(process, program.get(), block);
  }

  /** Frames that wait for their run. */
  get waiting(): number {
    return this.#count;
  }

  /** Whether frames of a length can be fed at all; others get BPF_PROG_TEST_RUN's answer. */
  takes(length: number): boolean {
    return length >= ETH_HLEN && length <= this.#room;
  }

  /**
   * Adds a frame whose length it {@link takes}, and first runs what waits where there is enough of it.
   *
   * @returns whether it ran any.
   */
  add({ bytes, offset, length }: FrameBytes): boolean {
    const full = this.#count >= this.#slice || this.#used + length > MOST_BYTES;
    if (full) this.run();
    const at = this.#copy(bytes, offset, offset + length);
    this.#count++;
    const words = this.#machine.memory.words();
    const record = (this.#records >>> 2) + RECORD_WORDS * this.#count;
    words[record] = at;
    words[record + 1] = length;
    return full;
  }

  /**
   * Adds the frames of a batch from its frame `from` on, and first runs what waits where there is enough of it. Their
   * bytes are copied at once, with what lies between them.
   *
   * @returns how many: all up to one whose length it does not take ({@link takes}), or up to as many as are run at once.
   */
  addMany({ bytes, count, places }: FrameBatch, from: number): number {
    const first = places[PLACE_WORDS * from]!;
    // The first one has room then, however much lies behind.
    if (this.#count >= this.#slice || this.#used + this.#room > MOST_BYTES) this.run();
    const most = Math.min(count, from + this.#slice - this.#count);
    const furthest = first + MOST_BYTES - this.#used;
    let end = first;
    let next = from;
    for (; next < most; next++) {
      const length = places[PLACE_WORDS * next + 1]!;
      const behind = places[PLACE_WORDS * next]! + length;
      if (behind > furthest || !this.takes(length)) break;
      end = behind;
    }
    const moved = this.#copy(bytes, first, end) - first;
    const words = this.#machine.memory.words();
    let record = (this.#records >>> 2) + RECORD_WORDS * (this.#count + 1);
    for (let i = from; i < next; i++) {
      words[record] = places[PLACE_WORDS * i]! + moved;
      words[record + 1] = places[PLACE_WORDS * i + 1]!;
      record += RECORD_WORDS;
    }
    this.#count += next - from;
    return next - from;
  }

  /** @returns where bytes of a buffer are now. */
  #copy(bytes: Uint8Array, from: number, end: number): number {
    const at = this.#bytes + this.#used;
    this.#machine.memory.bytes().set(bytes.subarray(from, end), at);
    this.#used += (end - from + 15) & -16;
    return at;
  }

  /** Runs the program on all frames that wait. */
  run(): void {
    if (this.#count === 0) return;
    this.#machine.asTask(this.#process.task, () => this.#runAll());
    this.#begin();
  }

  #runAll(): void {
    const machine = this.#machine;
    const entry = this.#program.parts.code.entry;
    const count = this.#count;
    const started = machine.clock();
    for (let done = 0; done < count; ) {
      const header = this.#records + FRAME_RECORD_SIZE * done;
      // The record in front of those that are left is the header: its own result has been counted.
      const ran = machine.runBatch(this.#program, count - done, () =>
        this.#drive(entry, header, count - done, this.#clear ? 1 : 0),
      );
      this.#countResults(done, ran);
      done += ran;
      if (machine.executor.stopped && machine.executor.fault === null) break;
    }
    const elapsed = machine.clock() - started;
    this.nanoseconds += elapsed;
    machine.runDue();
    if (elapsed < SLICE / 2) this.#slice = Math.min(MOST_FRAMES, 2 * this.#slice);
    else if (elapsed > SLICE) this.#slice = Math.max(1, this.#slice >>> 1);
  }

  close(): void {
    this.#machine.memory.free(this.#block);
    this.#program.put();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begin(): void {
    this.#count = 0;
    this.#used = 0;
  }

  #note(verdict: number, times: number): void {
    if (times > 0) this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + times);
  }

  #countResults(done: number, ran: number): void {
    const { fault } = this.#machine.executor;
    const good = fault === null ? ran : ran - 1;
    const words = this.#machine.memory.words();
    const counts = this.#counts >>> 2;
    for (let verdict = 0; verdict < SMALL_RESULTS; verdict++) {
      this.#note(verdict, words[counts + verdict]! >>> 0);
      words[counts + verdict] = 0;
    }
    const header = (this.#records >>> 2) + RECORD_WORDS * done;
    if (words[header + 1] !== 0) {
      for (let i = 1; i <= good; i++) {
        const verdict = words[header + RECORD_WORDS * i + 2]! >>> 0;
        if (verdict >= SMALL_RESULTS) this.#note(verdict, 1);
      }
    }
    this.runs += good;
    if (fault !== null) this.faults.set(fault.message, (this.faults.get(fault.message) ?? 0) + 1);
  }
}

/** Helpers by which a program sees, or leaves behind, bytes around its packet. */
const AROUND: ReadonlySet<number> = new Set([
  BpfFuncId.xdp_adjust_head,
  BpfFuncId.xdp_adjust_meta,
  BpfFuncId.xdp_adjust_tail,
  // What follows may be any program.
  BpfFuncId.tail_call,
]);

function mayLookAround({ parts }: KernelProgram): boolean {
  return parts.insns.some((insn) => {
    if (lookup(insn)?.kind !== "call") return false;
    return insn.src === CallKind.kfunc || (insn.src === CallKind.helper && AROUND.has(insn.imm));
  });
}
