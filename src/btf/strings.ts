import { FormatError, TsbpfError, utf8 } from "../base/index.ts";

/**
 * A BTF string section under construction: each string once, found by a hash table of numbers over its bytes.
 *
 * With a base (split BTF), strings the base has are the base's, and own offsets go on where the base ends.
 */
export class StringPool {
  readonly #base: StringPool | null;
  readonly #origin: number;
  #bytes: Uint8Array;
  #length = 0;
  /** Offset + 1 of a string, or 0 for an empty slot; the size is a power of two. */
  #slots = new Uint32Array(256);
  #count = 0;

  constructor(base: StringPool | null = null, capacity = 4096) {
    this.#base = base;
    this.#origin = base === null ? 0 : base.end;
    this.#bytes = new Uint8Array(capacity);
    if (base === null) this.#length = 1;
  }

  /** A pool over an existing section: all of its strings keep their offsets, the first of equal ones is found. */
  static of(section: Uint8Array): StringPool {
    const pool = new StringPool(null, section.length + 1);
    for (let at = 0; at < section.length; ) {
      let end = section.indexOf(0, at);
      if (end < 0) end = section.length;
      pool.#insert(section, at, end);
      at = end + 1;
    }
    pool.#bytes.set(section);
    pool.#length = section.length;
    return pool;
  }

  /** One more than the highest string offset. */
  get end(): number {
    return this.#origin + this.#length;
  }

  /** The offset of `text`, added where it is new. TsbpfError where it holds a NUL. */
  add(text: string): number {
    if (text.length === 0) return 0;
    if (text.includes("\0")) throw new TsbpfError(`BTF string ${JSON.stringify(text)}: contains a NUL`);
    const bytes = utf8(text);
    return this.addBytes(bytes, 0, bytes.length);
  }

  /** The offset of the string `bytes[start, end)`, added where it is new. */
  addBytes(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return 0;
    const hash = hashOf(bytes, start, end);
    const inBase = this.#base === null ? -1 : this.#base.#find(hash, bytes, start, end);
    if (inBase >= 0) return inBase;
    const known = this.#find(hash, bytes, start, end);
    if (known >= 0) return this.#origin + known;
    return this.#origin + this.#insert(bytes, start, end);
  }

  /** The section's bytes, without the base's; a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const own = this.#bytes;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const offset = slots[slot]! - 1;
      let i = start;
      let at = offset;
      while (i < end && own[at] === bytes[i]) {
        i++;
        at++;
      }
      if (i === end && own[at] === 0) return offset;
    }
    return -1;
  }

  /** Appends a string and makes it known; returns its offset in this section. */
  #insert(bytes: Uint8Array, start: number, end: number): number {
    const offset = start === end && this.#length <= 1 ? 0 : this.#length;
    const needed = offset + end - start + 1;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    for (let i = start, at = offset; i < end; i++, at++) this.#bytes[at] = bytes[i]!;
    this.#bytes[needed - 1] = 0;
    this.#length = needed;
    if (++this.#count * 2 > this.#slots.length) this.#rehash();
    this.#place(offset, hashOf(bytes, start, end));
    return offset;
  }

  #place(offset: number, hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = offset + 1;
  }

  #rehash(): void {
    const offsets = this.#slots.filter((slot) => slot !== 0).sort();
    this.#slots = new Uint32Array(this.#slots.length * 4);
    for (const slot of offsets) {
      this.#place(slot - 1, hashOf(this.#bytes, slot - 1, this.#bytes.indexOf(0, slot - 1)));
    }
  }
}

/**
 * Copies strings of one BTF into a pool as they are asked for: offset there → offset here.
 *
 * Strings that overlap each other (no compiler writes such) would make more work than the section has bytes; a
 * budget of 16 times its size bounds it.
 */
export class StringMap {
  readonly #pool: StringPool;
  readonly #strings: Uint8Array;
  readonly #origin: number;
  /** Offset + 1 in the pool of strings already mapped: most are named many times. */
  readonly #known: Uint32Array;
  #budget: number;

  /** Offsets below `origin` are a base's, and stay as they are. */
  constructor(pool: StringPool, strings: Uint8Array, origin: number) {
    this.#pool = pool;
    this.#strings = strings;
    this.#origin = origin;
    this.#known = new Uint32Array(strings.length);
    this.#budget = 16 * strings.length + 65536;
  }

  /** FormatError where there is no such string. */
  map(offset: number): number {
    if (offset < this.#origin || offset === 0) return offset;
    const known = this.#known[offset];
    if (known !== undefined && known !== 0) return known - 1;
    const end = known === undefined ? -1 : this.#strings.indexOf(0, offset);
    if (end < 0) {
      const size = this.#strings.length;
      throw new FormatError("BTF strings", size, `expected an offset below ${size}, got ${offset}`);
    }
    this.#budget -= end - offset;
    if (this.#budget < 0) throw new FormatError("BTF strings", offset, "too many strings overlap each other");
    const mapped = this.#pool.addBytes(this.#strings, offset, end);
    this.#known[offset] = mapped + 1;
    return mapped;
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 5381;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 33) ^ bytes[i]!) | 0;
  return hash ^ (hash >>> 15);
}
