import { type Endian, TsbpfError } from "../base/index.ts";
import { encodeType } from "./encode.ts";
import { mapStringOffsets, mapTypeIds, typeLength } from "./fields.ts";
import type { BtfTypeInput } from "./input.ts";
import { BtfKind } from "./kinds.ts";
import type { Btf } from "./model.ts";
import { StringMap, StringPool } from "./strings.ts";
import type { BtfLinkage } from "./types.ts";
import type { BtfTables } from "./view.ts";
import { writeSections } from "./write.ts";

/** Where an appended BTF's types and strings went. */
export interface BtfMapping {
  /** The id in the result of a type of the source. */
  id(source: number): number;
  /** The string offset in the result of a string of the source. */
  string(source: number): number;
}

export interface BtfBuilderOptions {
  /** What the result continues, as split BTF: ids and string offsets go on where the base ends. */
  readonly base?: Btf;
}

/**
 * Builds BTF type by type. Ids are given in order of adding, from 1 (or where the base ends), so that a type may
 * refer to one added later; each string is kept once.
 *
 * ```ts
 * const builder = new BtfBuilder();
 * const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
 * builder.add({ kind: "STRUCT", name: "pair", size: 8, members: [
 *   { name: "a", type: int, bitOffset: 0, bitSize: 0 }, { name: "b", type: int, bitOffset: 32, bitSize: 0 } ] });
 * const btf = Btf.parse(builder.finish());
 * ```
 */
export class BtfBuilder {
  readonly #base: Btf | null;
  readonly #firstId: number;
  #words = new Uint32Array(1024);
  #length = 0;
  readonly #index: number[] = [];
  readonly #strings: StringPool;
  /** Tables of BTFs that types were copied from: those of split BTF are made anew at each call. */
  readonly #sources = new WeakMap<Btf, { readonly tables: BtfTables; readonly strings: StringMap }>();

  constructor(options: BtfBuilderOptions = {}) {
    this.#base = options.base ?? null;
    this.#firstId = this.#base === null ? 1 : this.#base.count;
    this.#strings = new StringPool(this.#base === null ? null : StringPool.of(this.#base.tables().strings));
  }

  /** The id that the next type will get. */
  get nextId(): number {
    return this.#firstId + this.#index.length;
  }

  /** The string's offset; added where it is new. */
  string(text: string): number {
    return this.#strings.add(text);
  }

  /** Adds a type and returns its id. TsbpfError where a field does not fit into BTF. */
  add(type: BtfTypeInput): number {
    return this.#place(encodeType(type, this.nextId, (text) => this.#strings.add(text)));
  }

  /** Adds a copy of one type of another BTF; `mapId` says what the types it refers to are here. */
  addFrom(btf: Btf, id: number, mapId: (id: number) => number): number {
    let source = this.#sources.get(btf);
    if (source === undefined) {
      const tables = btf.tables();
      source = {
        tables,
        strings: new StringMap(this.#strings, tables.strings, this.#base === null ? 0 : this.#base.stringEnd),
      };
      this.#sources.set(btf, source);
    }
    const { tables, strings } = source;
    const { words, index } = tables;
    if (!(id > 0 && id < btf.count)) throw new TsbpfError(`BTF: no type [${id}] to copy`);
    const at = index[id]!;
    const copy = words.slice(at, at + typeLength(words, at));
    mapTypeIds(copy, 0, mapId);
    mapStringOffsets(copy, 0, (offset) => strings.map(offset));
    return this.#place(copy);
  }

  /**
   * Adds all types of another BTF: `btf__add_btf`. Split BTF can be appended to a builder with the same base.
   * Throws TsbpfError where the bases differ.
   */
  append(btf: Btf): BtfMapping {
    if (btf.base !== null && btf.base !== this.#base) {
      throw new TsbpfError("BTF: split BTF can only be appended to BTF that has the same base");
    }
    const { words, index, strings } = btf.tables();
    const shift = this.nextId - btf.firstId;
    const mapId = (id: number) => (id < btf.firstId ? id : id + shift);
    const map = new StringMap(this.#strings, strings, btf.base === null ? 0 : btf.base.stringEnd);
    const mapString = (offset: number) => map.map(offset);
    const start = btf.firstId < btf.count ? index[btf.firstId]! : words.length;
    const from = this.#reserve(words.length - start);
    this.#words.set(words.subarray(start), from);
    for (let id = btf.firstId; id < btf.count; id++) {
      const at = from + index[id]! - start;
      mapStringOffsets(this.#words, at, mapString);
      mapTypeIds(this.#words, at, mapId);
      this.#index.push(at);
    }
    return { id: mapId, string: mapString };
  }

  /** Changes what a type added before refers to: a pointer's target, a function's prototype, a variable's type … */
  setType(id: number, type: number): void {
    const at = this.#at(id);
    const kind = (this.#words[at + 1]! >>> 24) & 0x1f;
    const refers =
      kind === BtfKind.PTR || (kind >= BtfKind.TYPEDEF && kind <= BtfKind.VAR) || kind === BtfKind.TYPE_TAG;
    if (!refers && kind !== BtfKind.DECL_TAG) {
      throw new TsbpfError(`BTF type [${id}]: its kind (${kind}) refers to no single type`);
    }
    this.#words[at + 2] = type;
  }

  /** Changes the linkage of a FUNC or VAR added before. */
  setLinkage(id: number, linkage: BtfLinkage): void {
    const at = this.#at(id);
    const info = this.#words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    const value = linkage === "static" ? 0 : linkage === "global" ? 1 : 2;
    if (kind === BtfKind.FUNC) this.#words[at + 1] = (info & ~0xffff) | value;
    else if (kind === BtfKind.VAR) this.#words[at + 3] = value;
    else throw new TsbpfError(`BTF type [${id}]: expected a FUNC or VAR, got kind ${kind}`);
  }

  /** The BTF data. TsbpfError where a type refers to one that was never added. The builder may be used further. */
  finish(options: { readonly endian?: Endian } = {}): Uint8Array {
    const words = this.#words.slice(0, this.#length);
    for (const [i, at] of this.#index.entries()) {
      mapTypeIds(words, at, (id) => {
        if (id < this.nextId) return id;
        throw new TsbpfError(
          `BTF type [${this.#firstId + i}]: expected a type id below ${this.nextId}, got ${id}`,
        );
      });
    }
    return writeSections({ words, strings: this.#strings.finish() }, options.endian ?? "little");
  }

  #at(id: number): number {
    const at = this.#index[id - this.#firstId];
    if (at === undefined) throw new TsbpfError(`BTF: no type [${id}] among those added`);
    return at;
  }

  #place(words: Uint32Array): number {
    const at = this.#reserve(words.length);
    this.#words.set(words, at);
    this.#index.push(at);
    return this.nextId - 1;
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#words.length) {
      const grown = new Uint32Array(Math.max(at + count, 2 * this.#words.length));
      grown.set(this.#words.subarray(0, at));
      this.#words = grown;
    }
    this.#length = at + count;
    return at;
  }
}
