import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";

/**
 * A ring buffer, as `struct bpf_ringbuf` lies in Linux:
 *
 * ```text
 *  +------------+----------------+--------------------------+-----------------+-----------------+
 *  | lock       | consumer's     | producer's position, and | data, as many   | as many bytes   |
 *  | (a page)   | position (page)| that of who writes (page)| bytes as asked  | again           |
 *  +------------+----------------+--------------------------+-----------------+-----------------+
 * ```
 *
 * Linux maps the data twice, so that a record which begins before the end lies in one piece. Here it goes on into the
 * second half, and no other record lies in the bytes that it would have taken at the start: the same for all who read
 * records from where they begin.
 */
export const RingField = {
  LOCK: 0,
  CONSUMER: PAGE_SIZE,
  PRODUCER: 2 * PAGE_SIZE,
  /** The first record that was not yet submitted when somebody last looked. */
  PENDING: 2 * PAGE_SIZE + 8,
} as const;

/** Bytes in front of the data. */
export const RING_DATA = 3 * PAGE_SIZE;

/** A record: its length with two bits, the number of its page in the ring, and its bytes. */
export const RingRecord = {
  LENGTH: 0,
  PAGE: 4,
  HEADER_SIZE: 8,
  /** `BPF_RINGBUF_BUSY_BIT`, `BPF_RINGBUF_DISCARD_BIT` */
  BUSY: 0x8000_0000 | 0,
  DISCARD: 0x4000_0000,
} as const;

/** Records that a consumer takes: where their bytes are, and the position behind them. */
export interface TakenRecords {
  readonly records: readonly { readonly offset: number; readonly length: number }[];
  readonly end: bigint;
}

/**
 * Up to `max` records that were submitted, oldest first; discarded ones are passed over.
 *
 * @param data offset of the ring's data.
 * @param size bytes of data, a power of two.
 */
export function takeRecords(memory: KernelMemory, data: number, size: number, max: number): TakenRecords {
  const ring = data - RING_DATA;
  const view = memory.view();
  const words = memory.words();
  const start = view.getBigUint64(ring + RingField.CONSUMER, true);
  const filled = view.getBigUint64(ring + RingField.PRODUCER, true) - start;
  // A consumer may move its position to where no record begins, or past what there is.
  const available = filled > 0n && filled <= BigInt(size) ? Number(filled) : 0;
  const first = Number(start & BigInt(size - 1));
  const records: { offset: number; length: number }[] = [];
  let at = 0;
  while (at < available && records.length < max) {
    const header = data + ((first + at) & (size - 1));
    const word = Atomics.load(words, header >>> 2);
    if ((word & RingRecord.BUSY) !== 0) break;
    const length = word & ~RingRecord.DISCARD;
    const end = at + ((length + RingRecord.HEADER_SIZE + 7) & -8);
    if (length > size || end > available) break;
    if ((word & RingRecord.DISCARD) === 0) records.push({ offset: header + RingRecord.HEADER_SIZE, length });
    at = end;
  }
  return { records, end: start + BigInt(at) };
}
