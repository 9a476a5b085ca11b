import { type KernelMemory, PAGE_SIZE } from "../../mem/index.ts";
import { PerfPage } from "../../sys/index.ts";
import { Errno, PerfRecord } from "../../uapi/index.ts";

const HEADER_SIZE = 8;
/** `struct perf_event_header`, the event's id, how many records were lost. */
const LOST_SIZE = 24;

/** When those who wait are woken. */
export interface Wakeup {
  /** After so many records; 0: when half of the ring is full. */
  readonly events: number;
  /** After so many bytes; 0: by `events`. */
  readonly watermark: number;
}

/**
 * The ring of a perf event in the one memory: a `struct perf_event_mmap_page`, then 2^n pages of records, or none.
 * Records lie across the end where they reach it.
 */
export class PerfRing {
  /** Offset of the first page. */
  readonly offset: number;
  /** Bytes of records. */
  readonly size: number;
  readonly #memory: KernelMemory;
  readonly #wakeup: Wakeup;
  /** Records since the last wakeup; bytes at it. */
  #records = 0;
  #woken = 0;
  #pending = false;
  /** Records that found no room and of which no record tells yet. */
  #lost = 0;

  /** @param pages a power of 2, or 0. @param offset of zeroed whole pages, one more than `pages`. */
  constructor(memory: KernelMemory, offset: number, pages: number, wakeup: Wakeup) {
    this.#memory = memory;
    this.offset = offset;
    this.size = pages * PAGE_SIZE;
    this.#wakeup = wakeup;
    this.#set(PerfPage.DATA_OFFSET, PAGE_SIZE);
    this.#set(PerfPage.DATA_SIZE, this.size);
  }

  get head(): number {
    return this.#get(PerfPage.DATA_HEAD);
  }

  get tail(): number {
    return this.#get(PerfPage.DATA_TAIL);
  }

  /** Says up to where records have been read. */
  consume(tail: number): void {
    this.#set(PerfPage.DATA_TAIL, tail);
  }

  /** Whether somebody who waits is to be woken; once for each wakeup (`perf_poll`). */
  takeWakeup(): boolean {
    const pending = this.#pending;
    this.#pending = false;
    return pending;
  }

  /** A record came while the ring was paused; one without pages has nothing to lose. @returns -ENOSPC. */
  lose(): number {
    if (this.size > 0) this.#lost++;
    return -Errno.ENOSPC;
  }

  /**
   * Writes a record with its header. What was lost before is told in front of it. @returns 0, or -ENOSPC where there
   * is no room.
   */
  write(record: Uint8Array, id: bigint): number {
    const notice = this.#lost > 0 ? LOST_SIZE : 0;
    // Room is kept for one byte: a full ring is not an empty one.
    if (this.head - this.tail + notice + record.length > this.size - 1) return this.lose();
    if (notice > 0) this.#append(lostRecord(id, this.#lost));
    this.#lost = 0;
    this.#append(record);
    this.#wake();
    return 0;
  }

  /** Records from the tail on, at most so many, and where they end; each is a copy where it lies across the end. */
  read(most: number): { readonly records: Uint8Array[]; readonly end: number; readonly lost: number } {
    const records: Uint8Array[] = [];
    let at = this.tail;
    let lost = 0;
    while (at < this.head && records.length < most) {
      const header = this.#copy(at, HEADER_SIZE);
      const view = new DataView(header.buffer, header.byteOffset);
      const length = view.getUint16(6, true);
      const record = this.#copy(at, length);
      if (view.getUint32(0, true) === PerfRecord.LOST) lost += Number(u64At(record, 16));
      records.push(record);
      at += length;
    }
    return { records, end: at, lost };
  }

  #append(record: Uint8Array): void {
    const at = this.head % this.size;
    const first = Math.min(record.length, this.size - at);
    const start = this.offset + PAGE_SIZE;
    this.#memory.bytes().set(record.subarray(0, first), start + at);
    this.#memory.bytes().set(record.subarray(first), start);
    this.#set(PerfPage.DATA_HEAD, this.head + record.length);
  }

  #copy(position: number, length: number): Uint8Array {
    const at = position % this.size;
    const start = this.offset + PAGE_SIZE;
    const bytes = this.#memory.bytes();
    if (at + length <= this.size) return bytes.subarray(start + at, start + at + length);
    const whole = new Uint8Array(length);
    const first = this.size - at;
    whole.set(bytes.subarray(start + at, start + this.size));
    whole.set(bytes.subarray(start, start + length - first), first);
    return whole;
  }

  /** `perf_output_sample` and `__perf_output_begin`, as far as they count up to a wakeup. */
  #wake(): void {
    const { events, watermark } = this.#wakeup;
    if (watermark === 0 && events > 0 && ++this.#records >= events) {
      this.#records = 0;
      this.#pending = true;
    }
    if (this.head - this.#woken > (watermark || this.size / 2)) {
      this.#woken = this.head;
      this.#pending = true;
    }
  }

  /** Below 2^53, all of them. */
  #get(at: number): number {
    return Number(this.#memory.view().getBigUint64(this.offset + at, true));
  }

  #set(at: number, value: number): void {
    this.#memory.view().setBigUint64(this.offset + at, BigInt(value), true);
  }
}

function lostRecord(id: bigint, lost: number): Uint8Array {
  const record = new Uint8Array(LOST_SIZE);
  const view = new DataView(record.buffer);
  view.setUint32(0, PerfRecord.LOST, true);
  view.setUint16(6, LOST_SIZE, true);
  view.setBigUint64(8, id, true);
  view.setBigUint64(16, BigInt(lost), true);
  return record;
}

function u64At(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
}
