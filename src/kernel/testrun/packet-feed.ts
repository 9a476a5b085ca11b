import { SpecialField } from "../../btf/index.ts";
import { isCgroupStorage } from "../../maps/index.ts";
import { type PacketBatch, PLACE_WORDS } from "../../packets/index.ts";
import {
  createFrameDriver,
  type DriveFrames,
  FRAME_RECORD_SIZE,
  FRAME_SLACK,
  SMALL_RESULTS,
} from "../../vm/index.ts";
import type { Machine } from "../machine.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { type FrameBytes, type FrameLayout, frameLayoutOf } from "./frame-layout.ts";

/** Frames that are kept before they have to be run, and their bytes. */
const MOST_FRAMES = 4096;
const MOST_BYTES = 1 << 20;

const RECORD_WORDS = FRAME_RECORD_SIZE / 4;

/** Nanoseconds after which the caller has its turn again. */
const SLICE = 4_000_000;
const FIRST_SLICE = 16;

const COUNTS_SIZE = 4 * SMALL_RESULTS;

/** Frames that lie in one buffer, in this order. */
export type FrameBatch = Pick<PacketBatch, "bytes" | "count" | "places">;

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
 * Runs a program that takes packets on one frame after the other, each as BPF_PROG_TEST_RUN with the frame as its data would, but
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
  readonly #layout: FrameLayout;
  /** Of one block: counts of results, the records behind their header, the bytes of frames. */
  readonly #block: number;
  readonly #counts: number;
  readonly #records: number;
  readonly #bytes: number;
  #count = 0;
  #used = 0;
  /** Frames that are run before the caller has its turn. */
  #slice = FIRST_SLICE;

  private constructor(process: Process, program: KernelProgram, layout: FrameLayout, block: number) {
    const { machine } = process;
    this.#process = process;
    this.#machine = machine;
    this.#program = program;
    this.#layout = layout;
    this.#block = block;
    this.#counts = block;
    this.#records = block + COUNTS_SIZE;
    machine.memory.bytes().fill(0, this.#counts, this.#records);
    this.#bytes = this.#records + FRAME_RECORD_SIZE * (MOST_FRAMES + 1);
    this.#drive = createFrameDriver(machine.executor, {
      context: layout.context,
      layOut: (f, frame, length) => layout.emit(f, frame, length),
      counts: this.#counts,
    });
    this.#begin();
  }

  /** A feed of a program; null where it has to be run otherwise: it takes no frames, is not compiled, or not verified. */
  static create(process: Process, program: KernelProgram): PacketFeed | null {
    const { machine } = process;
    const { parts } = program;
    if (parts.code.image === null || parts.target === null) return null;
    if (program.maps.some((map) => isCgroupStorage(map.type) || fires(map))) return null;
    const layout = frameLayoutOf(machine, program);
    if (layout === null) return null;
    const size = COUNTS_SIZE + FRAME_RECORD_SIZE * (MOST_FRAMES + 1) + MOST_BYTES + FRAME_SLACK;
    const block = machine.memory.alloc(size, 16);
    return block === 0 ? null : new PacketFeed(process, program.get(), layout, block);
  }

  /** Frames that wait for their run. */
  get waiting(): number {
    return this.#count;
  }

  /** Whether a frame can be fed at all; others get BPF_PROG_TEST_RUN's answer. */
  takes(frame: FrameBytes): boolean {
    return this.#layout.takes(frame);
  }

  /**
   * Adds a frame that it {@link takes}, and first runs what waits where there is enough of it.
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
   * @returns how many: all up to one that it does not take, or up to as many as are run at once.
   */
  addMany({ bytes, count, places }: FrameBatch, from: number): number {
    const first = places[PLACE_WORDS * from]!;
    // The first one has room then, however much lies behind.
    if (this.#count >= this.#slice || this.#used + this.#layout.room > MOST_BYTES) this.run();
    const most = Math.min(count, from + this.#slice - this.#count);
    const furthest = first + MOST_BYTES - this.#used;
    let end = first;
    let next = from;
    for (; next < most; next++) {
      const length = places[PLACE_WORDS * next + 1]!;
      const behind = places[PLACE_WORDS * next]! + length;
      if (behind > furthest || !this.takes({ bytes, offset: behind - length, length })) break;
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
    this.#layout.prepare();
    const started = machine.clock();
    for (let done = 0; done < count; ) {
      const header = this.#records + FRAME_RECORD_SIZE * done;
      // The record in front of those that are left is the header: its own result has been counted.
      const ran = machine.runBatch(this.#program, count - done, () =>
        this.#drive(entry, header, count - done),
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

/** What happens later by itself is due between two runs, which the frames of a feed have no time for. */
const LATER = SpecialField.TIMER | SpecialField.WORKQUEUE | SpecialField.TASK_WORK;

function fires({ parts }: KernelMap): boolean {
  return parts.record?.fields.some(({ type }) => (type & LATER) !== 0) ?? false;
}
