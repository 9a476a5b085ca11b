/**
 * Canonical types by hash. Where several candidates fit, the first one found decides which ids the result has, so the
 * order in a chain is libbpf's (`hashmap.c`): the newest first, and reversed whenever the table grows.
 */
export class CandidateTable {
  #heads = new Int32Array(4).fill(-1);
  #next = new Int32Array(64);
  #hashes = new Int32Array(64);
  #ids = new Uint32Array(64);
  #count = 0;

  add(hash: number, id: number): void {
    if (Math.floor(((this.#count + 1) * 4) / 3) > this.#heads.length) this.#grow();
    const entry = this.#count++;
    if (entry === this.#ids.length) {
      this.#next = widened(this.#next);
      this.#hashes = widened(this.#hashes);
      const ids = new Uint32Array(2 * entry);
      ids.set(this.#ids);
      this.#ids = ids;
    }
    this.#hashes[entry] = hash;
    this.#ids[entry] = id;
    this.#link(this.#heads, entry);
  }

  /** The first entry of a hash, or -1. Entries are for `id` and `next`. */
  first(hash: number): number {
    return this.#from(this.#heads[bucketOf(hash, this.#heads.length)]!, hash);
  }

  /** The entry after this one with the same hash, or -1. */
  next(entry: number): number {
    return this.#from(this.#next[entry]!, this.#hashes[entry]!);
  }

  id(entry: number): number {
    return this.#ids[entry]!;
  }

  #from(entry: number, hash: number): number {
    while (entry >= 0 && this.#hashes[entry] !== hash) entry = this.#next[entry]!;
    return entry;
  }

  #link(heads: Int32Array, entry: number): void {
    const bucket = bucketOf(this.#hashes[entry]!, heads.length);
    this.#next[entry] = heads[bucket]!;
    heads[bucket] = entry;
  }

  #grow(): void {
    const old = this.#heads;
    const heads = new Int32Array(old.length * 2).fill(-1);
    for (let bucket = 0; bucket < old.length; bucket++) {
      for (let entry = old[bucket]!; entry >= 0; ) {
        const next = this.#next[entry]!;
        this.#link(heads, entry);
        entry = next;
      }
    }
    this.#heads = heads;
  }
}

function bucketOf(hash: number, size: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & (size - 1);
}

function widened(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(2 * from.length);
  to.set(from);
  return to;
}
