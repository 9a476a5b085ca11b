/** The lowest of a set of numbers, again and again: which block to look at next. */
export class SlotHeap {
  readonly #heap: number[] = [];
  readonly #in: Uint8Array;

  /** @param size one more than the largest number. */
  constructor(size: number) {
    this.#in = new Uint8Array(size);
  }

  add(value: number): void {
    if (this.#in[value] === 1) return;
    this.#in[value] = 1;
    const heap = this.#heap;
    let at = heap.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= value) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = value;
  }

  /** Takes the lowest out; -1 where there is none. */
  take(): number {
    const heap = this.#heap;
    if (heap.length === 0) return -1;
    const lowest = heap[0]!;
    this.#in[lowest] = 0;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return lowest;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return lowest;
  }
}
