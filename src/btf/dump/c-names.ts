/**
 * How often each name was declared so far, by the bytes of the name: a hash table of numbers, for 60,000 names of a
 * kernel's types and enumerators are not worth 60,000 strings.
 */
export class NameCounts {
  private readonly strings: Uint8Array;
  /** String offset + 1 of the name in each slot; 0 where it is free. */
  private offsets: Uint32Array;
  private counts: Uint32Array;
  private used = 0;

  /** `expected` is how many names there may be; more are no error. */
  constructor(strings: Uint8Array, expected: number) {
    let capacity = 256;
    while (capacity < expected) capacity *= 2;
    this.strings = strings;
    this.offsets = new Uint32Array(capacity);
    this.counts = new Uint32Array(capacity);
  }

  /** Counts one more declaration of the name at a string offset; returns its number, from 1. */
  declare(offset: number): number {
    if (this.used * 2 > this.offsets.length) this.grow();
    const slot = this.slot(offset);
    if (this.offsets[slot] === 0) {
      this.offsets[slot] = offset + 1;
      this.used++;
    }
    const count = this.counts[slot]! + 1;
    this.counts[slot] = count;
    return count;
  }

  private slot(offset: number): number {
    const strings = this.strings;
    const mask = this.offsets.length - 1;
    let hash = 5381;
    for (let i = offset, byte = strings[i]!; byte !== 0; byte = strings[++i]!) {
      hash = (Math.imul(hash, 33) ^ byte) | 0;
    }
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const held = this.offsets[slot]!;
      if (held === 0 || held === offset + 1 || this.same(held - 1, offset)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private same(left: number, right: number): boolean {
    const strings = this.strings;
    for (;;) {
      const byte = strings[left++]!;
      if (byte !== strings[right++]) return false;
      if (byte === 0) return true;
    }
  }

  private grow(): void {
    const offsets = this.offsets;
    const counts = this.counts;
    this.offsets = new Uint32Array(offsets.length * 4);
    this.counts = new Uint32Array(offsets.length * 4);
    for (let i = 0; i < offsets.length; i++) {
      const held = offsets[i]!;
      if (held === 0) continue;
      const slot = this.slot(held - 1);
      this.offsets[slot] = held;
      this.counts[slot] = counts[i]!;
    }
  }
}
