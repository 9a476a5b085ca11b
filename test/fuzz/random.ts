const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 24, 31, 32, 63, 64, 127, 128, 255, 256, 4095, 4096, 0x7fff, 0x8000, 0xffff,
  0x1_0000, 0xff_ffff, 0x100_0000, 0x7fff_fff8, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_fffe,
  0xffff_ffff,
] as const;

/** Random numbers that follow from a seed alone, on every machine: Chris Doty-Humphrey's sfc32. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** A stream for each combination of seeds. */
  constructor(...seeds: readonly (number | string)[]) {
    let hash = 0x811c_9dc5;
    for (const char of seeds.join("\n")) hash = Math.imul(hash ^ char.charCodeAt(0), 0x0100_0193);
    this.#a = hash;
    this.#b = Math.imul(hash, 0x85eb_ca6b) ^ seeds.length;
    this.#c = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35);
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** 0 to 2^32 - 1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0 to `limit` - 1; 0 where `limit` is 0. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.u32() % limit;
  }

  /** `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)]!;
  }

  /** Small numbers more often than large ones: half are below 2, a quarter 2 or 3, and so on. */
  small(limit: number): number {
    return Math.min(limit, this.below(1 << this.below(17)));
  }

  /** A number near which programs go wrong, or any. Unsigned 32 bits. */
  interesting(): number {
    if (this.oneIn(8)) return this.u32();
    if (this.oneIn(3)) return this.small(0xffff_ffff);
    return this.pick(INTERESTING);
  }
}
