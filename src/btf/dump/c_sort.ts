import { BtfKind, isModifier, MAX_RESOLVE_DEPTH } from "../kinds.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";

const MAX_RANK = 10;

/**
 * All type ids (void included) in bpftool's order for C: enums, integers, structs, prototypes, the rest; by the name
 * of what a type refers to, then by its own; then by a hash of its content, which lasts from one kernel build to the
 * next as ids do not (`sort_btf_c` of bpftool).
 */
export function sortForC(btf: Btf): Uint32Array {
  return new CSort(btf).sorted();
}

class CSort {
  readonly #btf: Btf;
  readonly #tables: BtfTables;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#tables = btf.tables();
  }

  sorted(): Uint32Array {
    const count = this.#btf.count;
    const { words, index } = this.#tables;
    const sortNames = new Uint32Array(count);
    const names = new Set<number>();
    for (let id = 0; id < count; id++) {
      const name = this.#sortName(id);
      sortNames[id] = name;
      names.add(name).add(words[index[id]!]!);
    }
    const order = this.#nameOrder(names);
    const keys = new Float64Array(count);
    for (let id = 0; id < count; id++) {
      const own = order.get(words[index[id]!]!)!;
      keys[id] = (this.#rank(id, false) * order.size + order.get(sortNames[id]!)!) * order.size + own;
    }
    const ids = Uint32Array.from(keys, (_, id) => id);
    const hashes = new ContentHashes(this.#tables, keys.length);
    return ids.sort(
      (left, right) => keys[left]! - keys[right]! || hashes.compare(left, right) || left - right,
    );
  }

  /** The place of each name among all, by bytes; equal names have the same. */
  #nameOrder(names: ReadonlySet<number>): Map<number, number> {
    const { strings } = this.#tables;
    const sorted = Uint32Array.from(names).sort((left, right) => compareStrings(strings, left, right));
    const order = new Map<number, number>();
    let place = -1;
    let last = -1;
    for (const name of sorted) {
      if (last < 0 || compareStrings(strings, last, name) !== 0) place++;
      order.set(name, place);
      last = name;
    }
    return order;
  }

  #rank(id: number, named: boolean): number {
    const { words, index } = this.#tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const at = index[id]!;
      if (words[at] !== 0) named = true;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) return named ? 1 : 0;
      if (kind === BtfKind.INT || kind === BtfKind.FLOAT) return 2;
      if (!named) return MAX_RANK;
      if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) return 3;
      if (kind === BtfKind.FUNC_PROTO) return 4;
      if (kind === BtfKind.ARRAY) id = words[at + 3]!;
      else if (refersOn(kind)) id = words[at + 2]!;
      else return MAX_RANK;
    }
    return MAX_RANK;
  }

  /** String offset of the name of what a type refers to in the end, or of an anonymous enum's first value. */
  #sortName(id: number): number {
    const { words, index } = this.#tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const at = index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      if (kind === BtfKind.ARRAY) id = words[at + 3]!;
      else if (refersOn(kind)) id = words[at + 2]!;
      else {
        const isEnum = kind === BtfKind.ENUM || kind === BtfKind.ENUM64;
        if (hops === 0 && isEnum && words[at] === 0 && (words[at + 1]! & 0xffff) > 0) return words[at + 3]!;
        return words[at]!;
      }
    }
    return 0;
  }
}

function refersOn(kind: number): boolean {
  return isModifier(kind) || kind === BtfKind.PTR || kind === BtfKind.TYPEDEF || kind === BtfKind.DECL_TAG;
}

function compareStrings(strings: Uint8Array, left: number, right: number): number {
  for (;;) {
    const byte = strings[left++]!;
    const difference = byte - strings[right++]!;
    if (difference !== 0 || byte === 0) return difference;
  }
}

/**
 * The 64-bit hashes of what types consist of, each made at the first comparison that needs it, in two halves.
 * A step of a hash is `hash * 31 + value`; text is hashed by its signed bytes.
 */
class ContentHashes {
  readonly #tables: BtfTables;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #known: Uint8Array;
  #h = 0;
  #l = 0;

  constructor(tables: BtfTables, count: number) {
    this.#tables = tables;
    this.#high = new Uint32Array(count);
    this.#low = new Uint32Array(count);
    this.#known = new Uint8Array(count);
  }

  compare(left: number, right: number): number {
    this.#ensure(left);
    this.#ensure(right);
    return this.#high[left]! - this.#high[right]! || this.#low[left]! - this.#low[right]!;
  }

  #ensure(id: number): void {
    if (this.#known[id] === 1) return;
    this.#known[id] = 1;
    this.#type(id, true, 0);
    this.#high[id] = this.#h;
    this.#low[id] = this.#l;
  }

  /** Leaves the hash of a type in `#h` and `#l`. */
  #type(id: number, withMembers: boolean, depth: number): void {
    const { words, index } = this.#tables;
    const at = index[id]!;
    const info = words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    const vlen = info & 0xffff;
    this.#h = 0;
    this.#l = 0;
    this.#name(words[at]!);
    if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) {
      const step = kind === BtfKind.ENUM ? 2 : 3;
      for (let i = 0; i < vlen; i++) this.#name(words[at + 3 + i * step]!);
    } else if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) {
      for (let i = 0; withMembers && i < vlen; i++) {
        this.#name(words[at + 3 + i * 3]!);
        this.#nested(words[at + 4 + i * 3]!, false, depth);
      }
    } else if (kind === BtfKind.ARRAY) {
      this.#step(0, words[at + 5]!);
      this.#nested(words[at + 3]!, withMembers, depth);
    } else if (refersOn(kind)) {
      this.#nested(words[at + 2]!, withMembers, depth);
    }
  }

  #nested(id: number, withMembers: boolean, depth: number): void {
    const high = this.#h;
    const low = this.#l;
    this.#h = 0;
    this.#l = 0;
    if (depth < MAX_RESOLVE_DEPTH) this.#type(id, withMembers, depth + 1);
    const nestedHigh = this.#h;
    const nestedLow = this.#l;
    this.#h = high;
    this.#l = low;
    this.#step(nestedHigh, nestedLow);
  }

  #name(offset: number): void {
    if (offset === 0) return;
    const { strings } = this.#tables;
    const high = this.#h;
    const low = this.#l;
    this.#h = 0;
    this.#l = 0;
    for (let byte = strings[offset]!; byte !== 0; byte = strings[++offset]!) {
      if (byte < 0x80) this.#step(0, byte);
      else this.#step(0xffff_ffff, byte + 0xffff_ff00);
    }
    const nameHigh = this.#h;
    const nameLow = this.#l;
    this.#h = high;
    this.#l = low;
    this.#step(nameHigh, nameLow);
  }

  #step(high: number, low: number): void {
    const sum = this.#l * 31 + low;
    this.#h = (Math.imul(this.#h, 31) + Math.floor(sum / 0x1_0000_0000) + high) >>> 0;
    this.#l = sum >>> 0;
  }
}
