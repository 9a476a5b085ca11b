/** The sets of slots that are kept of each instruction and frame: `struct per_frame_masks`. */
export const Mask = {
  /** Slots that the instruction may read. */
  MAY_READ: 0,
  /** Slots that it writes on every path seen so far. */
  MUST_WRITE: 1,
  /** Slots that it or, on all ways to the exit, a later instruction writes. */
  MUST_WRITE_ACC: 2,
  /** Slots that it or a later one may read before they are written. */
  LIVE_BEFORE: 3,
} as const;
export type Mask = (typeof Mask)[keyof typeof Mask];

/** Words of one instruction: the lower and the upper half of each {@link Mask}. */
const WORDS = 8;

/** One function as called by one chain of calls: `struct func_instance`. */
export class FunctionInstance {
  /** The caller's instance; null of what nothing calls. */
  readonly outer: FunctionInstance | null;
  /** The calling instruction; -1 of what nothing calls. */
  readonly callsite: number;
  readonly subprogno: number;
  /** First instruction. */
  readonly start: number;
  /** Number of its frame. */
  readonly depth: number;
  readonly inner: FunctionInstance[] = [];
  /** Something was noted since the last spreading. */
  updated = false;
  /** Among it, that fewer slots are surely written than was thought. */
  mustWriteDropped = false;
  readonly #length: number;
  /** By frame; made when something is noted of the frame's stack. */
  readonly #masks: (Uint32Array | undefined)[] = [];
  readonly #seenWrites: Uint8Array;

  /** @param length slots of the function */
  constructor(
    outer: FunctionInstance | null,
    callsite: number,
    subprogno: number,
    start: number,
    length: number,
  ) {
    this.outer = outer;
    this.callsite = callsite;
    this.subprogno = subprogno;
    this.start = start;
    this.depth = outer === null ? 0 : outer.depth + 1;
    this.#length = length;
    this.#seenWrites = new Uint8Array(length);
    for (let frame = 0; frame <= this.depth; frame++) this.#masks.push(undefined);
  }

  /** The calls that lead here, as in the log: `(12,34,56)` (`fmt_callchain`). */
  get text(): string {
    let text = `${this.start})`;
    for (let at: FunctionInstance = this; at.outer !== null; at = at.outer) text = `${at.callsite},${text}`;
    return `(${text}`;
  }

  hasMasks(frame: number): boolean {
    return this.#masks[frame] !== undefined;
  }

  /** Requires {@link hasMasks}. */
  mask(mask: Mask, frame: number, insnIdx: number): readonly [low: number, high: number] {
    const masks = this.#masks[frame]!;
    const at = (insnIdx - this.start) * WORDS + mask * 2;
    return [masks[at]!, masks[at + 1]!];
  }

  /** The instruction itself reads or writes something of the frame. */
  isMarked(frame: number, insnIdx: number): boolean {
    const masks = this.#masks[frame]!;
    const at = (insnIdx - this.start) * WORDS;
    return (masks[at]! | masks[at + 1]! | masks[at + 2]! | masks[at + 3]!) !== 0;
  }

  isLiveBefore(insnIdx: number, frame: number, spi: number): boolean {
    const masks = this.#masks[frame];
    if (masks === undefined) return false;
    const word = masks[(insnIdx - this.start) * WORDS + Mask.LIVE_BEFORE * 2 + (spi >> 5)]!;
    return ((word >>> (spi & 31)) & 1) !== 0;
  }

  seenWrites(insnIdx: number): boolean {
    return this.#seenWrites[insnIdx - this.start] !== 0;
  }

  setSeenWrites(insnIdx: number): void {
    this.#seenWrites[insnIdx - this.start] = 1;
  }

  /** The instruction may read these slots (`mark_stack_read`). */
  addReads(frame: number, insnIdx: number, low: number, high: number): void {
    const masks = this.#masksOf(frame);
    const at = (insnIdx - this.start) * WORDS;
    const newLow = masks[at]! | low;
    const newHigh = masks[at + 1]! | high;
    if (newLow >>> 0 === masks[at] && newHigh >>> 0 === masks[at + 1]) return;
    const live = at + Mask.LIVE_BEFORE * 2;
    if ((newLow & ~masks[live]!) !== 0 || (newHigh & ~masks[live + 1]!) !== 0) this.updated = true;
    masks[at] = newLow;
    masks[at + 1] = newHigh;
  }

  /**
   * The instruction wrote these slots now, and not more on any path (`commit_stack_write_marks`).
   *
   * Linux 6.18 keeps what was written before in a variable of 32 bits: of slots below `fp-256` it does not notice
   * that a later visit did not write them, unless something changes above. Verdicts depend on it, so it is so here.
   */
  meetWrites(frame: number, insnIdx: number, low: number, high: number): void {
    const masks = this.#masksOf(frame);
    const at = (insnIdx - this.start) * WORDS + Mask.MUST_WRITE * 2;
    const oldLow = masks[at]!;
    if (this.seenWrites(insnIdx)) {
      low &= oldLow;
      high = 0;
    }
    if (low >>> 0 !== oldLow || high !== 0) {
      masks[at] = low;
      masks[at + 1] = high;
      this.updated = true;
    }
    if ((oldLow & ~low) !== 0) this.mustWriteDropped = true;
  }

  forgetAccumulatedWrites(): void {
    for (const masks of this.#masks) {
      if (masks === undefined) continue;
      for (let at = Mask.MUST_WRITE_ACC * 2; at < masks.length; at += WORDS) {
        masks[at] = 0;
        masks[at + 1] = 0;
      }
    }
  }

  /**
   * Solves the equations of one instruction from its successors, `second` -1 where there is one (`update_insn`).
   * Requires {@link hasMasks}.
   *
   * @returns whether anything changed
   */
  spreadTo(frame: number, insnIdx: number, first: number, second: number): boolean {
    const masks = this.#masks[frame]!;
    const at = (insnIdx - this.start) * WORDS;
    let next = (first - this.start) * WORDS;
    let liveLow = masks[next + 6]!;
    let liveHigh = masks[next + 7]!;
    let writesLow = masks[next + 4]!;
    let writesHigh = masks[next + 5]!;
    if (second >= 0) {
      next = (second - this.start) * WORDS;
      liveLow |= masks[next + 6]!;
      liveHigh |= masks[next + 7]!;
      writesLow &= masks[next + 4]!;
      writesHigh &= masks[next + 5]!;
    }
    writesLow = (writesLow | masks[at + 2]!) >>> 0;
    writesHigh = (writesHigh | masks[at + 3]!) >>> 0;
    liveLow = ((liveLow & ~masks[at + 2]!) | masks[at]!) >>> 0;
    liveHigh = ((liveHigh & ~masks[at + 3]!) | masks[at + 1]!) >>> 0;
    const changed =
      liveLow !== masks[at + 6] ||
      liveHigh !== masks[at + 7] ||
      writesLow !== masks[at + 4] ||
      writesHigh !== masks[at + 5];
    masks[at + 4] = writesLow;
    masks[at + 5] = writesHigh;
    masks[at + 6] = liveLow;
    masks[at + 7] = liveHigh;
    return changed;
  }

  #masksOf(frame: number): Uint32Array {
    return (this.#masks[frame] ??= new Uint32Array(this.#length * WORDS));
  }
}
