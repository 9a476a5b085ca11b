import { utf8 } from "../base/index.ts";

/** The most bytes that one {@link CodeBuffer} write without an own reservation takes. */
const ROOM = 32;

/** A growing buffer of module bytes with LEB128 integers (specification 5.2.2). */
export class CodeBuffer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity + ROOM);
  }

  get length(): number {
    return this.#length;
  }

  /** Makes sure that `count` more bytes fit. */
  reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  u8(value: number): void {
    if (this.#length >= this.#bytes.length) this.#grow(this.#length + ROOM);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned integer below 2^32. */
  u32(value: number): void {
    this.reserve(5);
    const bytes = this.#bytes;
    let at = this.#length;
    while (value >= 0x80) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    bytes[at++] = value;
    this.#length = at;
  }

  /** A signed integer of 32 bits. */
  s32(value: number): void {
    this.reserve(5);
    const bytes = this.#bytes;
    let at = this.#length;
    while (value < -0x40 || value >= 0x40) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>= 7;
    }
    bytes[at++] = value & 0x7f;
    this.#length = at;
  }

  /** A signed integer of 64 bits from its halves (of either sign). */
  s64(low: number, high: number): void {
    low |= 0;
    high |= 0;
    if (high === low >> 31) {
      this.s32(low);
      return;
    }
    this.reserve(10);
    const bytes = this.#bytes;
    let at = this.#length;
    for (;;) {
      const byte = low & 0x7f;
      low = (low >>> 7) | (high << 25);
      high >>= 7;
      // Done where what is left repeats the sign bit of this byte.
      const rest = (byte & 0x40) === 0 ? 0 : -1;
      if (low === rest && high === rest) {
        bytes[at++] = byte;
        break;
      }
      bytes[at++] = byte | 0x80;
    }
    this.#length = at;
  }

  /** An unsigned integer below 2^21 in exactly three bytes, so that it can be overwritten later. */
  padded(value: number): void {
    this.reserve(3);
    const at = this.#length;
    this.#length = at + 3;
    this.patchPadded(at, value);
  }

  /** Overwrites what {@link padded} wrote at `at`. */
  patchPadded(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = (value & 0x7f) | 0x80;
    bytes[at + 1] = ((value >> 7) & 0x7f) | 0x80;
    bytes[at + 2] = value >> 14;
  }

  /** The value that {@link padded} wrote at `at`. */
  paddedAt(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! & 0x7f) | ((bytes[at + 1]! & 0x7f) << 7) | (bytes[at + 2]! << 14);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A vector of bytes: their count, then they. */
  vector(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** A name: UTF-8 with its length in bytes. */
  name(text: string): void {
    this.vector(utf8(text));
  }

  /** What was written, as a view that the next write may overwrite. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed + ROOM, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Bytes that an unsigned LEB128 integer takes. */
export function sizeOfU32(value: number): number {
  let size = 1;
  while (value >= 0x80) {
    value >>>= 7;
    size++;
  }
  return size;
}
