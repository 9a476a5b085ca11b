import { FormatError } from "./errors.ts";

/** Byte order of a file or a machine. */
export type Endian = "little" | "big";

/**
 * A bounds-checked cursor over bytes of a file format.
 *
 * Every read past the end throws a {@link FormatError} that names the file part (`what`) and the offset,
 * so that a parser needs no checks of its own for truncation. Integers of 64 bits come as `bigint`.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly endian: Endian;
  /** What is being read, for error messages: `"ELF section headers"`. */
  readonly what: string;
  /** Offset of the next read, in bytes from the start of `bytes`. */
  offset: number;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, options: { endian?: Endian; what?: string; offset?: number } = {}) {
    this.bytes = bytes;
    this.endian = options.endian ?? "little";
    this.what = options.what ?? "data";
    this.offset = options.offset ?? 0;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = this.endian === "little";
  }

  get length(): number {
    return this.bytes.length;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** Moves the cursor; an offset outside the data is an error now, not at the next read. */
  seek(offset: number): this {
    if (!(offset >= 0 && offset <= this.bytes.length)) {
      throw new FormatError(this.what, offset, `offset outside the data (${this.bytes.length} bytes)`);
    }
    this.offset = offset;
    return this;
  }

  skip(count: number): this {
    this.#take(count);
    return this;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#little);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  s32(): number {
    return this.#view.getInt32(this.#take(4), this.#little);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#little);
  }

  s64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#little);
  }

  /** A 64-bit field that is an offset or a size in a file: an error where no file could be that large. */
  size64(): number {
    const at = this.offset;
    const value = this.u64();
    if (value > 0x1f_ffff_ffff_ffffn) {
      throw new FormatError(this.what, at, `expected an offset or size, got ${value}`);
    }
    return Number(value);
  }

  /** The next `count` bytes, as a view: it shares memory with `bytes`. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }

  #take(count: number): number {
    const at = this.offset;
    if (!(count >= 0 && count <= this.bytes.length - at)) {
      throw new FormatError(this.what, at, `expected ${count} more bytes, got ${this.bytes.length - at}`);
    }
    this.offset = at + count;
    return at;
  }
}

/** A growing byte buffer with the integer sizes that binary formats use. */
export class ByteWriter {
  readonly endian: Endian;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  readonly #little: boolean;

  constructor(options: { endian?: Endian; capacity?: number } = {}) {
    this.endian = options.endian ?? "little";
    this.#little = this.endian === "little";
    this.#bytes = new Uint8Array(options.capacity ?? 256);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far; also the offset of the next write. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.#little);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#little);
    return this;
  }

  s32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, this.#little);
    return this;
  }

  u64(value: bigint | number): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.#little);
    return this;
  }

  write(bytes: ArrayLike<number>): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Zero bytes up to the next multiple of `alignment` (a power of two). */
  align(alignment: number): this {
    this.zeros(-this.#length & (alignment - 1));
    return this;
  }

  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Overwrites a 32-bit field written earlier: sizes and offsets that are known only at the end. */
  patchU32(offset: number, value: number): this {
    if (offset < 0 || offset + 4 > this.#length)
      throw new RangeError(`patch at ${offset} of ${this.#length}`);
    this.#view.setUint32(offset, value, this.#little);
    return this;
  }

  patchU64(offset: number, value: bigint | number): this {
    if (offset < 0 || offset + 8 > this.#length)
      throw new RangeError(`patch at ${offset} of ${this.#length}`);
    this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), this.#little);
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return at;
  }
}
