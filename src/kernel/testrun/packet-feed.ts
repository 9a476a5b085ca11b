import { CallKind, lookup } from "../../isa/index.ts";
import { isCgroupStorage } from "../../maps/index.ts";
import { PAGE_SIZE } from "../../mem/index.ts";
import { BpfAttachType, BpfFuncId, BpfProgType } from "../../uapi/index.ts";
import { createFrameDriver, type DriveFrames, FRAME_RECORD_SIZE } from "../../vm/index.ts";
import type { Machine } from "../machine.ts";
import { layXdp, XDP_HEADROOM } from "../net/lay-xdp.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";

/** Frames that are kept before they have to be run, and their bytes. */
const MOST_FRAMES = 4096;
const MOST_BYTES = 1 << 20;

/** Nanoseconds after which the caller has its turn again. */
const SLICE = 4_000_000;
const FIRST_SLICE = 16;

const ETH_HLEN = 14;

/** A frame: bytes of a buffer. */
export interface FrameBytes {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** What is in the buffer stays as it is until this number changes; absent: it may change at any time. */
  readonly generation?: number;
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
  /** Of one block: the template of the context, the records behind their header, the bytes of frames. */
  readonly #block: number;
  readonly #records: number;
  readonly #bytes: number;
  #count = 0;
  #used = 0;
  /** The buffer that was copied last, and what is to be added to offsets in it; null where none was copied whole. */
  #source: Uint8Array | null = null;
  #generation: number | undefined;
  #sourceAt = 0;
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
    this.#records = block + this.#contextSize;
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
    const size = ((machine.packets.xdp.size + 15) & -16) + FRAME_RECORD_SIZE * (MOST_FRAMES + 1) + MOST_BYTES;
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
   * Adds a frame whose length it {@link takes}, and first runs what waits where there is enough of it. Of a buffer that
   * several frames lie in, as captures have them, all is copied at once.
   *
   * @returns whether it ran any.
   */
  add({ bytes, offset, length, generation }: FrameBytes): boolean {
    let ran = this.#count >= this.#slice;
    if (ran) this.run();
    if (bytes !== this.#source || generation !== this.#generation || generation === undefined) {
      const whole = generation !== undefined && bytes.length <= MOST_BYTES;
      if (this.#used + (whole ? bytes.length : length) > MOST_BYTES) {
        this.run();
        ran = true;
      }
      const from = whole ? 0 : offset;
      const copied = whole ? bytes.length : length;
      const at = this.#bytes + this.#used;
      this.#machine.memory.bytes().set(bytes.subarray(from, from + copied), at);
      this.#used += (copied + 15) & -16;
      this.#source = whole ? bytes : null;
      this.#generation = generation;
      this.#sourceAt = at - from;
    }
    this.#count++;
    const words = this.#machine.memory.words();
    const record = (this.#records >>> 2) + 4 * this.#count;
    words[record] = this.#sourceAt + offset;
    words[record + 1] = length;
    return ran;
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
    this.#source = null;
  }

  #countResults(done: number, ran: number): void {
    const { fault } = this.#machine.executor;
    const good = fault === null ? ran : ran - 1;
    const words = this.#machine.memory.words();
    const first = (this.#records >>> 2) + 4 * (done + 1) + 2;
    // Most packets get the verdict that the one before got.
    let last = 0;
    let same = 0;
    const note = () => {
      if (same > 0) this.verdicts.set(last, (this.verdicts.get(last) ?? 0) + same);
    };
    for (let i = 0; i < good; i++) {
      const verdict = words[first + 4 * i]! >>> 0;
      if (verdict === last) {
        same++;
        continue;
      }
      note();
      last = verdict;
      same = 1;
    }
    note();
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
