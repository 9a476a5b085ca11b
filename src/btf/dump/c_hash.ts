import { BtfKind, MAX_RESOLVE_DEPTH, refersOn } from "../kinds.ts";
import type { BtfTables } from "../view.ts";

/**
 * The 64-bit hashes of what types consist of, each made when it is first needed, in two halves.
 * A step of a hash is `hash * 31 + value`; text is hashed by its signed bytes.
 */
export class ContentHashes {
  private readonly tables: BtfTables;
  private readonly high: Uint32Array;
  private readonly low: Uint32Array;
  private readonly known: Uint8Array;
  private h = 0;
  private l = 0;

  constructor(tables: BtfTables) {
    const count = tables.index.length;
    this.tables = tables;
    this.high = new Uint32Array(count);
    this.low = new Uint32Array(count);
    this.known = new Uint8Array(count);
  }

  /** Sorts types by their hashes; those of one hash stay in the order of their ids. */
  sort(ids: Uint32Array): void {
    const first = this.typeOf(ids[0]!);
    // References to one type have its hash.
    if (ids.every((id) => this.typeOf(id) === first)) return;
    for (const id of ids) this.ensure(this.typeOf(id));
    // Most hashes are 0: those of all prototypes, and of pointers to them.
    const without = ids.filter((id) => this.isZero(id));
    const others = ids.filter((id) => !this.isZero(id)).sort((left, right) => this.compare(left, right));
    ids.set(without);
    ids.set(others, without.length);
  }

  /** The type whose hash is that of `id` too: where references without names lead. */
  typeOf(id: number): number {
    const { words, index } = this.tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const at = index[id]!;
      if (words[at] !== 0 || !refersOn((words[at + 1]! >>> 24) & 0x1f)) break;
      id = words[at + 2]!;
    }
    return id;
  }

  private compare(left: number, right: number): number {
    const one = this.typeOf(left);
    const other = this.typeOf(right);
    return this.high[one]! - this.high[other]! || this.low[one]! - this.low[other]! || left - right;
  }

  private isZero(id: number): boolean {
    const type = this.typeOf(id);
    return this.high[type] === 0 && this.low[type] === 0;
  }

  private ensure(id: number): void {
    if (this.known[id] === 1) return;
    this.known[id] = 1;
    this.type(id, true, 0);
    this.high[id] = this.h;
    this.low[id] = this.l;
  }

  /** Leaves the hash of a type in `#h` and `#l`. */
  private type(id: number, withMembers: boolean, depth: number): void {
    const { words, index } = this.tables;
    const at = index[id]!;
    const info = words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    const vlen = info & 0xffff;
    this.h = 0;
    this.l = 0;
    this.name(words[at]!);
    if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) {
      const step = kind === BtfKind.ENUM ? 2 : 3;
      for (let i = 0; i < vlen; i++) this.name(words[at + 3 + i * step]!);
    } else if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) {
      for (let i = 0; withMembers && i < vlen; i++) {
        this.name(words[at + 3 + i * 3]!);
        this.nested(words[at + 4 + i * 3]!, false, depth);
      }
    } else if (kind === BtfKind.ARRAY) {
      this.step(0, words[at + 5]!);
      this.nested(words[at + 3]!, withMembers, depth);
    } else if (refersOn(kind)) {
      this.nested(words[at + 2]!, withMembers, depth);
    }
  }

  private nested(id: number, withMembers: boolean, depth: number): void {
    const high = this.h;
    const low = this.l;
    this.h = 0;
    this.l = 0;
    if (depth < MAX_RESOLVE_DEPTH) this.type(id, withMembers, depth + 1);
    const nestedHigh = this.h;
    const nestedLow = this.l;
    this.h = high;
    this.l = low;
    this.step(nestedHigh, nestedLow);
  }

  private name(offset: number): void {
    if (offset === 0) return;
    const { strings } = this.tables;
    const high = this.h;
    const low = this.l;
    this.h = 0;
    this.l = 0;
    for (let byte = strings[offset]!; byte !== 0; byte = strings[++offset]!) {
      if (byte < 0x80) this.step(0, byte);
      else this.step(0xffff_ffff, byte + 0xffff_ff00);
    }
    const nameHigh = this.h;
    const nameLow = this.l;
    this.h = high;
    this.l = low;
    this.step(nameHigh, nameLow);
  }

  private step(high: number, low: number): void {
    const sum = this.l * 31 + low;
    this.h = (Math.imul(this.h, 31) + Math.floor(sum / 0x1_0000_0000) + high) >>> 0;
    this.l = sum >>> 0;
  }
}
