import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";

/**
 * What code needs of an arena, as words: its pages lie one behind the other in the order of their addresses, and a byte
 * for each says whether it is there.
 */
export const ArenaField = {
  /** Offset of the first page. */
  PAGES: 0,
  /** Low half of the user's address of the first page: programs address the arena by low halves. */
  FIRST: 4,
  /** In bytes. */
  SIZE: 8,
  /** Offset of the bytes. */
  PRESENT: 12,
  /** High half that a cast back to the user's address space gives; 0 with BPF_F_NO_USER_CONV. */
  CAST_HIGH: 16,
  BYTES: 24,
} as const;

export const PAGE_SHIFT: number = Math.log2(PAGE_SIZE);

/** A range of pages that nobody has, its last page included. */
interface FreeRange {
  readonly first: number;
  readonly last: number;
}

/** The pages of an arena: which are there, and which are free to be taken (`struct range_tree`). */
export class ArenaPages {
  readonly pages: number;
  readonly #memory: KernelMemory;
  readonly #at: number;
  readonly #converts: boolean;
  /** In the order in which they came to be: of equally large ones the last is taken first. */
  #free: FreeRange[];
  #userStart = 0n;

  /**
   * @param at offset of the words of {@link ArenaField}, of which all but the address are filled in.
   * @param converts whether casts give addresses of the user.
   */
  constructor(memory: KernelMemory, at: number, converts: boolean) {
    this.#memory = memory;
    this.#at = at;
    this.#converts = converts;
    this.pages = this.#word(ArenaField.SIZE) >>> PAGE_SHIFT;
    this.#free = [{ first: 0, last: this.pages - 1 }];
  }

  /** Offset of the words of {@link ArenaField}. */
  get offset(): number {
    return this.#at;
  }

  /** The user's address of the first page; 0 until it is known. */
  get userStart(): bigint {
    return this.#userStart;
  }

  /** The address is given by the map's creator, or by the first mapping. */
  moveTo(userStart: bigint): void {
    this.#userStart = userStart;
    const view = this.#memory.view();
    view.setUint32(this.#at + ArenaField.FIRST, Number(userStart & 0xffff_ffffn), true);
    view.setUint32(this.#at + ArenaField.CAST_HIGH, this.#converts ? this.userHigh : 0, true);
  }

  /** High half of all its user addresses. */
  get userHigh(): number {
    return Number(this.#userStart >> 32n);
  }

  /** The page that the low half of an address lies in; `pages` or more where it lies in none. */
  pageOf(low: number): number {
    return (low - this.#word(ArenaField.FIRST)) >>> PAGE_SHIFT;
  }

  /** Low half of the address of a page. */
  lowOf(page: number): number {
    return (this.#word(ArenaField.FIRST) + page * PAGE_SIZE) | 0;
  }

  isPresent(page: number): boolean {
    return this.#memory.bytes()[this.#word(ArenaField.PRESENT) + page] === 1;
  }

  /** Offset of the bytes of a page. */
  offsetOf(page: number): number {
    return this.#word(ArenaField.PAGES) + page * PAGE_SIZE;
  }

  /**
   * Takes pages, of zeros, from `first` on or (-1) wherever there is the smallest range that has so many.
   *
   * @returns the first one; -1 where they are not free.
   */
  allocate(first: number, count: number): number {
    const start = this.reserve(first, count);
    if (start >= 0) this.#mark(start, count, 1);
    return start;
  }

  /** Takes pages without any memory: they are not free any more, and not there either. As {@link allocate}. */
  reserve(first: number, count: number): number {
    const start = first < 0 ? this.#find(count) : first;
    if (start < 0 || !this.isFree(start, count)) return -1;
    this.#clear(start, count);
    return start;
  }

  isFree(first: number, count: number): boolean {
    return this.#free.some((range) => range.first <= first && range.last >= first + count - 1);
  }

  /** Gives pages back, whether they are there, reserved or free. */
  release(first: number, count: number): void {
    this.#clear(first, count);
    const last = first + count - 1;
    const left = this.#free.find((range) => range.last === first - 1);
    const right = this.#free.find((range) => range.first === last + 1);
    this.#free = this.#free.filter((range) => range !== left && range !== right);
    this.#free.push({ first: left?.first ?? first, last: right?.last ?? last });
    const start = this.offsetOf(first);
    this.#memory.bytes().fill(0, start, start + count * PAGE_SIZE);
    this.#mark(first, count, 0);
  }

  /** `range_tree_find` */
  #find(count: number): number {
    let best: FreeRange | null = null;
    for (const range of this.#free) {
      const size = range.last - range.first + 1;
      if (size >= count && (best === null || size <= best.last - best.first + 1)) best = range;
    }
    return best?.first ?? -1;
  }

  /** `range_tree_clear` */
  #clear(first: number, count: number): void {
    const last = first + count - 1;
    const kept: FreeRange[] = [];
    const cut: FreeRange[] = [];
    for (const range of this.#free) {
      if (range.last < first || range.first > last) {
        kept.push(range);
        continue;
      }
      if (range.first < first) cut.push({ first: range.first, last: first - 1 });
      if (range.last > last) cut.push({ first: last + 1, last: range.last });
    }
    this.#free = [...kept, ...cut];
  }

  #mark(first: number, count: number, present: 0 | 1): void {
    const at = this.#word(ArenaField.PRESENT) + first;
    this.#memory.bytes().fill(present, at, at + count);
  }

  #word(field: number): number {
    return this.#memory.view().getUint32(this.#at + field, true);
  }
}
