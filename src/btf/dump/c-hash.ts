import { BtfKind, MAX_RESOLVE_DEPTH, REFERENCE_WORD } from "../kinds.ts";
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
    // References to one type have its hash.
    if (!this.differ(ids)) return;
    // Most hashes are 0: those of all prototypes, and of pointers to them.
    const others: number[] = [];
    let zeros = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const type = this.typeOf(id);
      this.ensure(type);
      if (this.high[type] === 0 && this.low[type] === 0) ids[zeros++] = id;
      else others.push(id);
    }
    ids.set(
      others.sort((left, right) => this.compare(left, right)),
      zeros,
    );
  }

  private differ(ids: Uint32Array): boolean {
    const first = this.typeOf(ids[0]!);
    for (let i = 1; i < ids.length; i++) if (this.typeOf(ids[i]!) !== first) return true;
    return false;
  }

  /** The type whose hash is that of `id` too: where references without names lead. */
  private typeOf(id: number): number {
    const { words, index } = this.tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const at = index[id]!;
      if (words[at] !== 0 || REFERENCE_WORD[(words[at + 1]! >>> 24) & 0x1f] !== 2) break;
      id = words[at + 2]!;
    }
    return id;
  }

  private compare(left: number, right: number): number {
    const one = this.typeOf(left);
    const other = this.typeOf(right);
    return this.high[one]! - this.high[other]! || this.low[one]! - this.low[other]! || left - right;
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
    } else if (REFERENCE_WORD[kind] === 2) {
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
    let high = 0;
    let low = 0;
    for (let byte = strings[offset]!; byte !== 0; byte = strings[++offset]!) {
      const sum = low * 31 + (byte < 0x80 ? byte : byte + 0xffff_ff00);
      high = (Math.imul(high, 31) + ((sum / 0x1_0000_0000) | 0) - (byte < 0x80 ? 0 : 1)) | 0;
      low = sum >>> 0;
    }
    this.step(high, low);
  }

  private step(high: number, low: number): void {
    const sum = this.l * 31 + low;
    this.h = (Math.imul(this.h, 31) + ((sum / 0x1_0000_0000) | 0) + high) >>> 0;
    this.l = sum >>> 0;
  }
}
