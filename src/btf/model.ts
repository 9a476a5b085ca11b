import { type Endian, FormatError, textOf } from "../base/index.ts";
import { decodeType } from "./decode.ts";
import { type BtfHeader, parseHeader } from "./header.ts";
import { BtfKind } from "./kinds.ts";
import { Layout } from "./layout.ts";
import { NameIndex } from "./name-index.ts";
import { readWords, scanTypes } from "./scan.ts";
import type { BtfType } from "./types.ts";
import type { BtfTables, BtfView } from "./view.ts";

/** How {@link Btf.parse} reads its bytes. */
export interface BtfParseOptions {
  /** What split BTF (of a kernel module) continues: ids and string offsets go on where the base ends. */
  readonly base?: Btf;
  /** The name of the data in error messages; `"BTF"` without it. */
  readonly what?: string;
  /** Bytes of a pointer, where the types do not tell it (no `long`); 8 without it. */
  readonly pointerSize?: 4 | 8;
}

/**
 * BTF type information, read-only: the compact table the kernel and compilers exchange, with accessors by type id.
 *
 * Ids go from 0 (void) to `count - 1`. The accessors that take an id want one in this range (`has`), and those that
 * take an element number one below `vlen(id)`: they are meant for hot loops and do not check. `type` checks, and
 * returns plain objects.
 */
export class Btf implements BtfView {
  /** The data this was parsed from. */
  readonly bytes: Uint8Array;
  readonly header: BtfHeader;
  readonly base: Btf | null;
  /** Id of the first type that is its own and not its base's: 1 without a base. */
  readonly firstId: number;
  /** One more than the highest type id: void counts. */
  readonly count: number;
  /** Bytes of a pointer on the machine the types describe. */
  readonly pointerSize: 4 | 8;
  readonly #what: string;
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  /** Id of `#index[0]`: 0 without a base, where void is a type of the table too. */
  readonly #origin: number;
  readonly #strings: Uint8Array;
  readonly #stringOrigin: number;
  #names: NameIndex | undefined;
  #layout: Layout | undefined;

  private constructor(bytes: Uint8Array, options: BtfParseOptions) {
    const what = options.what ?? "BTF";
    const base = options.base ?? null;
    const header = parseHeader(bytes, what);
    const lead = base === null ? 3 : 0;
    this.bytes = bytes;
    this.header = header;
    this.base = base;
    this.#what = what;
    this.#origin = base === null ? 0 : base.count;
    this.#stringOrigin = base === null ? 0 : base.stringEnd;
    // Not a subarray: that of a Node Buffer is a Buffer, and code that meets both is slower.
    this.#strings = new Uint8Array(
      bytes.buffer,
      bytes.byteOffset + header.stringStart,
      header.stringEnd - header.stringStart,
    );
    checkStrings(this.#strings, header, base !== null, what);
    this.#words = readWords(bytes, header.typeStart, header.typeEnd, header.endian, lead);
    this.#index = scanTypes(this.#words, lead, {
      what,
      firstId: this.#origin,
      stringEnd: this.stringEnd,
      baseKind: (id) => base!.kind(id),
      typeStart: header.typeStart,
    }).index;
    this.firstId = base === null ? 1 : base.count;
    this.count = this.#origin + this.#index.length;
    this.pointerSize = base?.pointerSize ?? this.#pointerSizeOfLong() ?? options.pointerSize ?? 8;
  }

  /**
   * Reads a BTF section in either byte order. Checks all that the accessors and dumps rely on: type ids and string
   * offsets in range, member lists inside the data. Throws FormatError, which names the type and the offset.
   */
  static parse(bytes: Uint8Array, options: BtfParseOptions = {}): Btf {
    return new Btf(bytes, options);
  }

  get endian(): Endian {
    return this.header.endian;
  }

  /** One more than the highest string offset. */
  get stringEnd(): number {
    return this.#stringOrigin + this.#strings.length;
  }

  /** True for the id of a type of this BTF or its base; void included. */
  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.count;
  }

  /** Word `at` of the type as it is in the data: 0 name, 1 info, 2 size or type, 3 and up what follows. */
  word(id: number, at: number): number {
    if (id < this.#origin) return this.base!.word(id, at);
    return this.#words[this.#index[id - this.#origin]! + at]!;
  }

  /** A {@link BtfKind}; 0 for void. */
  kind(id: number): number {
    return (this.word(id, 1) >>> 24) & 0x1f;
  }

  vlen(id: number): number {
    return this.word(id, 1) & 0xffff;
  }

  kflag(id: number): boolean {
    return this.word(id, 1) >>> 31 === 1;
  }

  /** String offset of the type's name; 0 where it has none. */
  nameOffset(id: number): number {
    return this.word(id, 0);
  }

  /** The type's name; empty where it has none. */
  name(id: number): string {
    return this.string(this.word(id, 0));
  }

  /** The `size` field, in bytes: of INT, STRUCT, UNION, ENUM, ENUM64, DATASEC, FLOAT. For others see `sizeOf`. */
  size(id: number): number {
    return this.word(id, 2);
  }

  /** The `type` field: of the other kinds but ARRAY and FWD. */
  ref(id: number): number {
    return this.word(id, 2);
  }

  /** What an INT says of itself: `encoding << 24 | offset << 16 | bits`. */
  intInfo(id: number): number {
    return this.word(id, 3);
  }

  /** Id of an ARRAY's elements. */
  elementType(id: number): number {
    return this.word(id, 3);
  }

  /** How many elements an ARRAY has. */
  elementCount(id: number): number {
    return this.word(id, 5);
  }

  /** String offset of the name of a member of a STRUCT or UNION. */
  memberNameOffset(id: number, member: number): number {
    return this.word(id, 3 + member * 3);
  }

  memberName(id: number, member: number): string {
    return this.string(this.word(id, 3 + member * 3));
  }

  memberType(id: number, member: number): number {
    return this.word(id, 4 + member * 3);
  }

  /** Of a member, from the start of its struct, in bits. */
  memberBitOffset(id: number, member: number): number {
    const offset = this.word(id, 5 + member * 3);
    return this.kflag(id) ? offset & 0xff_ffff : offset;
  }

  /** Of a member, in bits; 0 where it is not a bit field. */
  memberBitSize(id: number, member: number): number {
    return this.kflag(id) ? this.word(id, 5 + member * 3) >>> 24 : 0;
  }

  /** The string at an offset: FormatError where the offset is outside the string sections. */
  string(offset: number): string {
    if (offset < this.#stringOrigin) return this.base!.string(offset);
    const strings = this.#strings;
    const start = offset - this.#stringOrigin;
    if (!(start < strings.length)) {
      throw new FormatError(
        this.#what,
        this.header.stringStart,
        `expected a string offset below ${this.stringEnd}, got ${offset}`,
      );
    }
    let text = "";
    for (let i = start; ; i++) {
      const byte = strings[i]!;
      if (byte === 0) return text;
      if (byte >= 0x80) return textOf(strings.subarray(start, strings.indexOf(0, start)));
      text += String.fromCharCode(byte);
    }
  }

  /** The type as a plain object, decoded anew at each call. FormatError where there is no such type. */
  type(id: number): BtfType {
    if (!this.has(id)) throw this.error(0, `expected a type id below ${this.count}, got ${id}`);
    return decodeType(this, id);
  }

  /**
   * The lowest id of a type with this name (and kind, where given), a base's types first; 0 where there is none.
   * The first call of it or of `findAllByName` indexes all names.
   */
  findByName(name: string, kind?: BtfKind): number {
    return this.#nameIndex().find(name, kind);
  }

  /** All types of a name, in order of ids. */
  findAllByName(name: string): number[] {
    return this.#nameIndex().findAll(name);
  }

  /**
   * Bytes of a type, through typedefs, modifiers and arrays; -1 for what has no size (void, functions, forward
   * declarations), for 4 GiB and more, and for chains of more than 32 types, which may be cycles.
   */
  sizeOf(id: number): number {
    return (this.#layout ??= new Layout(this.tables(), this.pointerSize)).sizeOf(id);
  }

  /** Alignment of a type in bytes; 1 for a packed struct, 0 for what has none. */
  alignOf(id: number): number {
    return (this.#layout ??= new Layout(this.tables(), this.pointerSize)).alignOf(id);
  }

  /** All types and strings, a base's included: a base's are copied at each call. */
  tables(): BtfTables {
    if (this.base === null) return { words: this.#words, index: this.#index, strings: this.#strings };
    const base = this.base.tables();
    const words = new Uint32Array(base.words.length + this.#words.length);
    words.set(base.words);
    words.set(this.#words, base.words.length);
    const index = new Uint32Array(this.count);
    index.set(base.index);
    for (let i = 0; i < this.#index.length; i++) {
      index[this.#origin + i] = base.words.length + this.#index[i]!;
    }
    const strings = new Uint8Array(this.stringEnd);
    strings.set(base.strings);
    strings.set(this.#strings, this.#stringOrigin);
    return { words, index, strings };
  }

  /** An error about a type of this BTF: it names the type's id and the offset of its bytes. */
  error(id: number, problem: string): FormatError {
    if (id > 0 && id < this.#origin) return this.base!.error(id, problem);
    if (id <= 0 || id >= this.count) return new FormatError(this.#what, this.header.typeStart, problem);
    const lead = this.base === null ? 3 : 0;
    const offset = this.header.typeStart + (this.#index[id - this.#origin]! - lead) * 4;
    return new FormatError(this.#what, offset, `type [${id}]: ${problem}`);
  }

  #nameIndex(): NameIndex {
    return (this.#names ??= new NameIndex(this, this.tables()));
  }

  /** The size of the first `long`, under any of its names: `determine_ptr_size` of libbpf. */
  #pointerSizeOfLong(): 4 | 8 | undefined {
    for (let id = this.firstId; id < this.count; id++) {
      if (this.kind(id) !== BtfKind.INT) continue;
      const size = this.size(id);
      if ((size === 4 || size === 8) && LONG_NAMES.has(this.name(id))) return size;
    }
    return undefined;
  }
}

const LONG_NAMES: ReadonlySet<string> = new Set([
  "long",
  "long int",
  "int long",
  "unsigned long",
  "long unsigned",
  "unsigned long int",
  "unsigned int long",
  "long unsigned int",
  "long int unsigned",
  "int unsigned long",
  "int long unsigned",
]);

function checkStrings(strings: Uint8Array, header: BtfHeader, split: boolean, what: string): void {
  if (split && strings.length === 0) return;
  if (strings.length === 0 || strings[strings.length - 1] !== 0) {
    throw new FormatError(
      what,
      Math.max(header.stringStart, header.stringEnd - 1),
      "expected a string section that ends with a NUL",
    );
  }
  if (!split && strings[0] !== 0) {
    throw new FormatError(
      what,
      header.stringStart,
      "expected the empty string first in the string section (split BTF needs its base)",
    );
  }
}
