import { PerfPage } from "../../sys/index.ts";
import { PerfRecord } from "../../uapi/index.ts";
import type { LinuxMapping } from "./mapping.ts";

/** Records that were taken, oldest first: views into the ring. */
export interface Taken {
  readonly records: readonly Uint8Array[];
  readonly lost: number;
  /** The position behind them. */
  readonly end: number;
}

/** A ring that the kernel fills. Positions stay below 2^53 for years. */
export interface LinuxRing {
  readonly closed: boolean;
  /** Whether there is a record that was written to its end. */
  ready(): boolean;
  take(max: number): Taken;
  /** Gives the room up to a position back. */
  consume(end: number): void;
  close(): void;
}

/** `BPF_RINGBUF_BUSY_BIT`, `BPF_RINGBUF_DISCARD_BIT`, `BPF_RINGBUF_HDR_SZ` */
const BUSY = 0x8000_0000 | 0;
const DISCARD = 0x4000_0000;
const HEADER_SIZE = 8;

/**
 * `struct bpf_ringbuf` as user space sees it: a page with the consumer's position, which it writes; a page with the
 * producer's, and the data twice, so that no record is in two pieces.
 */
export class BpfRing implements LinuxRing {
  readonly #consumer: LinuxMapping;
  readonly #producer: LinuxMapping;
  readonly #consumed: BigUint64Array;
  readonly #produced: BigUint64Array;
  readonly #data: Uint8Array;
  readonly #words: Int32Array;
  readonly #size: number;
  #position: number;

  /**
   * @param producer its page and, behind that, the data.
   * @param size bytes of data, once.
   */
  constructor(consumer: LinuxMapping, producer: LinuxMapping, size: number) {
    this.#consumer = consumer;
    this.#producer = producer;
    this.#consumed = new BigUint64Array(consumer.bytes.buffer, consumer.bytes.byteOffset, 1);
    const { buffer, byteOffset } = producer.bytes;
    this.#produced = new BigUint64Array(buffer, byteOffset, 1);
    const page = producer.length - 2 * size;
    this.#data = producer.bytes.subarray(page);
    this.#words = new Int32Array(buffer, byteOffset + page, (2 * size) >>> 2);
    this.#size = size;
    this.#position = Number(Atomics.load(this.#consumed, 0));
  }

  get closed(): boolean {
    return this.#producer.closed;
  }

  ready(): boolean {
    return this.take(1).end > this.#position;
  }

  take(max: number): Taken {
    checkOpen(this);
    const size = this.#size;
    const produced = Number(Atomics.load(this.#produced, 0));
    const records: Uint8Array[] = [];
    let at = this.#position;
    while (at < produced && records.length < max) {
      const place = at % size;
      const word = Atomics.load(this.#words, place >>> 2);
      if ((word & BUSY) !== 0) break;
      const length = word & ~DISCARD;
      const start = place + HEADER_SIZE;
      if ((word & DISCARD) === 0) records.push(this.#data.subarray(start, start + length));
      at += (length + HEADER_SIZE + 7) & -8;
    }
    // Programs that find no room are told so; the ring itself counts nothing.
    return { records, lost: 0, end: at };
  }

  consume(end: number): void {
    if (this.#consumer.closed) return;
    this.#position = end;
    Atomics.store(this.#consumed, 0, BigInt(end));
  }

  close(): void {
    this.#consumer.close();
    this.#producer.close();
  }
}

/** The ring of a perf event: `struct perf_event_mmap_page`, and records that may lie across the end. */
export class PerfEventRing implements LinuxRing {
  readonly #mapping: LinuxMapping;
  readonly #head: BigUint64Array;
  readonly #tail: BigUint64Array;
  readonly #data: Uint8Array;

  constructor(mapping: LinuxMapping) {
    const { bytes } = mapping;
    const { buffer, byteOffset } = bytes;
    const view = new DataView(buffer, byteOffset, bytes.length);
    const start = Number(view.getBigUint64(PerfPage.DATA_OFFSET, true));
    const size = Number(view.getBigUint64(PerfPage.DATA_SIZE, true));
    this.#mapping = mapping;
    this.#head = new BigUint64Array(buffer, byteOffset + PerfPage.DATA_HEAD, 1);
    this.#tail = new BigUint64Array(buffer, byteOffset + PerfPage.DATA_TAIL, 1);
    this.#data = bytes.subarray(start, start + size);
  }

  get closed(): boolean {
    return this.#mapping.closed;
  }

  ready(): boolean {
    checkOpen(this);
    return Atomics.load(this.#head, 0) !== Atomics.load(this.#tail, 0);
  }

  take(max: number): Taken {
    checkOpen(this);
    const head = Number(Atomics.load(this.#head, 0));
    const records: Uint8Array[] = [];
    let at = Number(Atomics.load(this.#tail, 0));
    let lost = 0;
    while (at < head && records.length < max) {
      const header = viewOf(this.#bytes(at, HEADER_SIZE));
      const length = header.getUint16(6, true);
      if (length < HEADER_SIZE || at + length > head) break;
      const record = this.#bytes(at, length);
      if (header.getUint32(0, true) === PerfRecord.LOST)
        lost += Number(viewOf(record).getBigUint64(16, true));
      records.push(record);
      at += length;
    }
    return { records, lost, end: at };
  }

  consume(end: number): void {
    if (!this.#mapping.closed) Atomics.store(this.#tail, 0, BigInt(end));
  }

  close(): void {
    this.#mapping.close();
  }

  #bytes(position: number, length: number): Uint8Array {
    const data = this.#data;
    const at = position % data.length;
    const first = data.length - at;
    if (length <= first) return data.subarray(at, at + length);
    const whole = new Uint8Array(length);
    whole.set(data.subarray(at));
    whole.set(data.subarray(0, length - first), first);
    return whole;
  }
}

/** Memory that was unmapped ends the process. */
function checkOpen({ closed }: LinuxRing): void {
  if (closed) throw new RangeError("ring: expected an open one, got a closed one");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
