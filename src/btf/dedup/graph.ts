/** A type id that has no entry in a map yet. */
export const UNMAPPED = 0xffff_ffff;

/** What the passes of deduplication share: the types (a copy, rewritten on the way) and the canonical map. */
export class TypeGraph {
  readonly words: Uint32Array;
  readonly index: Uint32Array;
  /** Types that are the base's, and stay as they are, have ids below this. */
  readonly firstId: number;
  /** What each type is a duplicate of: itself where it is canonical, UNMAPPED where that is not known yet. */
  readonly canonical: Uint32Array;

  constructor(words: Uint32Array, index: Uint32Array, firstId: number) {
    this.words = words;
    this.index = index;
    this.firstId = firstId;
    this.canonical = new Uint32Array(index.length).fill(UNMAPPED);
    for (let id = 0; id < firstId; id++) this.canonical[id] = id;
  }

  get count(): number {
    return this.index.length;
  }

  kind(id: number): number {
    return (this.words[this.index[id]! + 1]! >>> 24) & 0x1f;
  }

  isMapped(id: number): boolean {
    return this.canonical[id] !== UNMAPPED;
  }

  /** The type at the end of the chain of duplicates, as far as it is known. */
  resolve(id: number): number {
    const canonical = this.canonical;
    for (let next = canonical[id]!; next !== UNMAPPED && next !== id; next = canonical[id]!) id = next;
    return id;
  }
}
