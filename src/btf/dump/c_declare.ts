import { s64, u64, utf8 } from "../../base/index.ts";
import { BtfKind } from "../kinds.ts";
import { Layout } from "../layout.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";
import type { WalkBounds } from "./bounds.ts";
import { NameCounts } from "./c_names.ts";
import { paddingBetween } from "./c_padding.ts";
import type { CText } from "./c_text.ts";

const STRUCT = utf8("struct");
const UNION = utf8("union");
const ENUM = utf8("enum");
const TYPEDEF = utf8("typedef ");
const VOID = utf8("void");
const VOLATILE = utf8("volatile ");
const CONST = utf8("const ");
const RESTRICT = utf8("restrict ");
const VOLATILE_AFTER = utf8(" volatile");
const CONST_AFTER = utf8(" const");
const RESTRICT_AFTER = utf8(" restrict");
const OPEN = utf8(" {");
const EQUALS = utf8(" = ");
const COMMA = utf8(", ");
const COLON = utf8(": ");
const PACKED = utf8(" __attribute__((packed))");
const SPACE = 32;
const SEMICOLON = 59;
const CLOSE = 125;
const STAR = 42;

/** The longest name with its suffix that libbpf prints. */
const MAX_SUFFIXED_NAME = 255;

/** In what versions of libbpf differ. */
export interface CStyle {
  /** Enums of other sizes than that of `int` say so by a `mode` attribute. */
  readonly enumModes: boolean;
  /** Type tags may be whole attributes. */
  readonly attributes: boolean;
}

/** Writes C declarations and definitions of single types. */
export class Declarations {
  readonly #btf: Btf;
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #out: CText;
  readonly #bounds: WalkBounds;
  readonly #layout: Layout;
  readonly #style: CStyle;
  /** Struct, union and enum tags are one name space of C, typedefs and enumerators another. */
  readonly #tags: NameCounts;
  readonly #identifiers: NameCounts;
  /** Number of each type among those of its name, from 1; 0 where it is not named yet. */
  readonly #numbers: Uint32Array;
  /** Types from a declared name to its base type; each nested declaration has its own part of it. */
  readonly #stack: number[] = [];

  constructor(btf: Btf, tables: BtfTables, out: CText, bounds: WalkBounds, style: CStyle) {
    this.#btf = btf;
    this.#words = tables.words;
    this.#index = tables.index;
    this.#strings = tables.strings;
    this.#out = out;
    this.#bounds = bounds;
    this.#layout = new Layout(btf, btf.pointerSize);
    this.#style = style;
    this.#tags = new NameCounts(tables.strings);
    this.#identifiers = new NameCounts(tables.strings);
    this.#numbers = new Uint32Array(btf.count);
  }

  /** `struct NAME` or `union NAME`. */
  compositeTag(id: number): void {
    this.#out.write(this.#kind(id) === BtfKind.STRUCT ? STRUCT : UNION);
    this.#tag(id);
  }

  /** The tag of a forward declaration. */
  forward(id: number): void {
    this.#out.write(this.#words[this.#index[id]! + 1]! >>> 31 === 1 ? UNION : STRUCT);
    this.#out.char(SPACE);
    this.#name(id, this.#tags);
  }

  /** `typedef TYPE NAME`. */
  typedef(id: number): void {
    const target = this.#words[this.#index[id]! + 2]!;
    const name = this.#words[this.#index[id]!]!;
    if (target === 0 && this.isNamed(id, GNUC_VA_LIST)) {
      // Old compilers describe it as void, which C cannot declare.
      this.#number(id, this.#identifiers);
      this.#out.text("typedef __builtin_va_list __gnuc_va_list");
      return;
    }
    this.#out.write(TYPEDEF);
    this.declare(target, name, this.#number(id, this.#identifiers), 0);
  }

  /** Counts the name of a base type; returns its number among those of the name. */
  countBaseType(id: number): number {
    return this.#words[this.#index[id]!] === 0 ? 1 : this.#number(id, this.#tags);
  }

  /** True if these are the bytes of the type's name. */
  isNamed(id: number, name: Uint8Array): boolean {
    const start = this.#words[this.#index[id]!]!;
    for (let i = 0; i < name.length; i++) if (this.#strings[start + i] !== name[i]) return false;
    return start !== 0 && this.#strings[start + name.length] === 0;
  }

  /** `struct NAME { … }` with members at `level + 1` tabs. */
  composite(id: number, level: number): void {
    const words = this.#words;
    const out = this.#out;
    const at = this.#index[id]!;
    const info = words[at + 1]!;
    const size = words[at + 2]!;
    const isStruct = ((info >>> 24) & 0x1f) === BtfKind.STRUCT;
    const packed = isStruct && this.#layout.isPacked(id);
    this.#bounds.enter(id);
    out.write(isStruct ? STRUCT : UNION);
    this.#tag(id);
    out.write(OPEN);
    const end = at + 3 + (info & 0xffff) * 3;
    const offsetMask = info >>> 31 === 1 ? 0xff_ffff : 0xffff_ffff;
    let offset = 0;
    let afterBitfield = false;
    for (let member = at + 3; member < end; member += 3) {
      const type = words[member + 1]!;
      const start = (words[member + 2]! & offsetMask) >>> 0;
      const bits = info >>> 31 === 1 ? words[member + 2]! >>> 24 : 0;
      if (offset < start) {
        const align = packed ? 1 : this.#layout.alignOf(type);
        this.#pad(id, offset, start, align, afterBitfield && bits !== 0, level + 1);
      }
      out.line(level + 1);
      this.declare(type, words[member]!, 1, level + 1);
      if (bits !== 0) {
        out.write(COLON);
        out.unsigned(bits);
        offset = start + bits;
      } else {
        offset = start + Math.max(0, this.#layout.sizeOf(type)) * 8;
      }
      afterBitfield = bits !== 0;
      out.char(SEMICOLON);
    }
    if (isStruct && offset < size * 8) {
      this.#pad(id, offset, size * 8, this.#layout.alignOf(id), false, level + 1);
    }
    if (size !== 0 || (info & 0xffff) !== 0) out.line(level);
    out.char(CLOSE);
    if (packed) out.write(PACKED);
    this.#bounds.leave();
  }

  /** `enum NAME { … }`, or only the tag of an enum without enumerators. */
  enumeration(id: number, level: number): void {
    const words = this.#words;
    const out = this.#out;
    const at = this.#index[id]!;
    const info = words[at + 1]!;
    out.write(ENUM);
    this.#tag(id);
    const vlen = info & 0xffff;
    if (vlen === 0) return;
    const wide = ((info >>> 24) & 0x1f) === BtfKind.ENUM64;
    const step = wide ? 3 : 2;
    out.write(OPEN);
    let mode = true;
    for (let element = at + 3, end = element + vlen * step; element < end; element += step) {
      this.#bounds.step(id);
      out.line(level + 1);
      out.string(words[element]!);
      this.#suffix(this.#identifiers.declare(words[element]!));
      out.write(EQUALS);
      if (wide) {
        this.#wideValue(words[element + 1]!, words[element + 2]!, info >>> 31 === 1);
        if (words[element + 2] !== 0) mode = false;
      } else if (info >>> 31 === 1) out.signed(words[element + 1]! | 0);
      else out.unsigned(words[element + 1]!);
      out.char(44);
    }
    out.line(level);
    out.char(CLOSE);
    if (!this.#style.enumModes) return;
    const size = words[at + 2]!;
    if (size === 1) out.text(" __attribute__((mode(byte)))");
    // A value that needs 64 bits makes the enum as large by itself.
    else if (size === 8 && this.#btf.pointerSize === 8 && mode) out.text(" __attribute__((mode(word)))");
  }

  /**
   * The declaration of a name (at a string offset; 0 for none) as being of a type. `number` is that of a name with a
   * suffix, as in `name___2`.
   */
  declare(id: number, name: number, number: number, level: number): void {
    const words = this.#words;
    const stack = this.#stack;
    const start = stack.length;
    for (;;) {
      stack.push(id);
      if (id === 0) break;
      this.#bounds.step(id);
      const at = this.#index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      if (kind === BtfKind.ARRAY) id = words[at + 3]!;
      else if (
        kind === BtfKind.PTR ||
        kind === BtfKind.FUNC_PROTO ||
        (kind >= BtfKind.VOLATILE && kind <= BtfKind.RESTRICT) ||
        kind === BtfKind.TYPE_TAG
      ) {
        id = words[at + 2]!;
      } else break;
    }
    this.#bounds.enter(id);
    this.#chain(start, name, number, level);
    this.#bounds.leave();
    stack.length = start;
  }

  /** Writes what is on the stack above `start`, the base type first, and the name where C wants it. */
  #chain(start: number, name: number, number: number, level: number): void {
    const words = this.#words;
    const out = this.#out;
    const stack = this.#stack;
    let afterPointer = true;
    while (stack.length > start) {
      const id = stack.pop()!;
      const at = this.#index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      switch (kind) {
        case BtfKind.PTR:
          if (!afterPointer) out.char(SPACE);
          out.char(STAR);
          break;
        case BtfKind.VOLATILE:
          out.write(VOLATILE_AFTER);
          break;
        case BtfKind.CONST:
          out.write(CONST_AFTER);
          break;
        case BtfKind.RESTRICT:
          out.write(RESTRICT_AFTER);
          break;
        case BtfKind.TYPE_TAG:
          this.#modifiers(start);
          this.#typeTag(at);
          break;
        case BtfKind.ARRAY:
          this.#array(start, words[at + 5]!, afterPointer, name, number, level);
          return;
        case BtfKind.FUNC_PROTO:
          this.#prototype(start, at, afterPointer, name, number, level);
          return;
        case BtfKind.FUNC:
        case BtfKind.VAR:
        case BtfKind.DATASEC:
        case BtfKind.DECL_TAG:
          // Nothing of these can be declared: libbpf warns and writes no more of this declaration.
          return;
        default:
          this.#modifiers(start);
          this.#baseType(id, at, kind, level);
      }
      afterPointer = kind === BtfKind.PTR;
    }
    this.#declared(name, number, afterPointer);
  }

  #baseType(id: number, at: number, kind: number, level: number): void {
    const named = this.#words[at] !== 0;
    switch (kind) {
      case BtfKind.VOID:
        this.#out.write(VOID);
        break;
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        if (named) this.compositeTag(id);
        else this.composite(id, level);
        break;
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        if (named) {
          this.#out.write(ENUM);
          this.#tag(id);
        } else this.enumeration(id, level);
        break;
      case BtfKind.FWD:
        this.forward(id);
        break;
      case BtfKind.TYPEDEF:
        this.#name(id, this.#identifiers);
        break;
      default:
        this.#out.string(this.#words[at]!);
    }
  }

  #array(
    start: number,
    count: number,
    afterPointer: boolean,
    name: number,
    number: number,
    level: number,
  ): void {
    const out = this.#out;
    const stack = this.#stack;
    // Compilers say of an array of constants that the array is constant too: C says it once.
    this.#dropModifiers(start);
    if (stack.length === start) {
      this.#declared(name, number, afterPointer);
    } else {
      if (this.#strings[name] !== 0 && !afterPointer) out.char(SPACE);
      const nested = this.#kind(stack.at(-1)!) !== BtfKind.ARRAY;
      if (nested) out.char(40);
      this.#bounds.enter(stack.at(-1)!);
      this.#chain(start, name, number, level);
      this.#bounds.leave();
      if (nested) out.char(41);
    }
    out.char(91);
    out.unsigned(count);
    out.char(93);
  }

  #prototype(
    start: number,
    at: number,
    afterPointer: boolean,
    name: number,
    number: number,
    level: number,
  ): void {
    const words = this.#words;
    const out = this.#out;
    // GCC writes noreturn as volatile.
    this.#dropModifiers(start);
    if (this.#stack.length > start) {
      out.char(SPACE);
      out.char(40);
      this.#bounds.enter(this.#stack.at(-1)!);
      this.#chain(start, name, number, level);
      this.#bounds.leave();
      out.char(41);
    } else {
      this.#declared(name, number, afterPointer);
    }
    out.char(40);
    const vlen = words[at + 1]! & 0xffff;
    const first = at + 3;
    if (vlen === 0 || (vlen === 1 && words[first + 1] === 0)) {
      out.write(VOID);
    } else {
      for (let i = 0; i < vlen; i++) {
        const type = words[first + i * 2 + 1]!;
        if (i > 0) out.write(COMMA);
        if (i === vlen - 1 && type === 0) out.text("...");
        else this.declare(type, words[first + i * 2]!, 1, level);
      }
    }
    out.char(41);
  }

  /** Modifiers on top of the stack: C writes those of a base type before it. */
  #modifiers(start: number): void {
    const stack = this.#stack;
    while (stack.length > start) {
      const kind = this.#kind(stack.at(-1)!);
      if (kind === BtfKind.VOLATILE) this.#out.write(VOLATILE);
      else if (kind === BtfKind.CONST) this.#out.write(CONST);
      else if (kind === BtfKind.RESTRICT) this.#out.write(RESTRICT);
      else return;
      stack.pop();
    }
  }

  #dropModifiers(start: number): void {
    const stack = this.#stack;
    while (stack.length > start) {
      const kind = this.#kind(stack.at(-1)!);
      if (kind !== BtfKind.TYPE_TAG && (kind < BtfKind.VOLATILE || kind > BtfKind.RESTRICT)) return;
      stack.pop();
    }
  }

  #typeTag(at: number): void {
    const attribute = this.#style.attributes && this.#words[at + 1]! >>> 31 === 1;
    this.#out.text(attribute ? " __attribute__((" : ' __attribute__((btf_type_tag("');
    this.#out.string(this.#words[at]!);
    this.#out.text(attribute ? "))" : '")))');
  }

  #declared(name: number, number: number, afterPointer: boolean): void {
    if (this.#strings[name] === 0) return;
    if (!afterPointer) this.#out.char(SPACE);
    this.#numbered(name, number);
  }

  #tag(id: number): void {
    if (this.#words[this.#index[id]!] === 0) return;
    this.#out.char(SPACE);
    this.#name(id, this.#tags);
  }

  #name(id: number, space: NameCounts): void {
    const name = this.#words[this.#index[id]!]!;
    if (name !== 0) this.#numbered(name, this.#number(id, space));
  }

  #numbered(name: number, number: number): void {
    if (number === 1) {
      this.#out.string(name);
      return;
    }
    const suffix = `___${number}`;
    const room = MAX_SUFFIXED_NAME - this.#out.stringUpTo(name, MAX_SUFFIXED_NAME);
    this.#out.text(suffix.slice(0, room));
  }

  #suffix(number: number): void {
    if (number > 1) this.#out.text(`___${number}`);
  }

  /** Counts the type's name at its first use, in the order of the output. */
  #number(id: number, space: NameCounts): number {
    const known = this.#numbers[id]!;
    if (known !== 0) return known;
    const at = this.#index[id]!;
    const info = this.#words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    const declaresOnly = kind === BtfKind.FWD || (kind === BtfKind.ENUM && (info & 0xffff) === 0);
    const number = declaresOnly ? 1 : space.declare(this.#words[at]!);
    this.#numbers[id] = number;
    return number;
  }

  #pad(id: number, from: number, to: number, align: number, inBitfield: boolean, level: number): void {
    for (const { type, bits } of paddingBetween(from, to, align, inBitfield, this.#btf.pointerSize)) {
      this.#bounds.step(id);
      this.#out.line(level);
      this.#out.text(`${type}: ${bits};`);
    }
  }

  #wideValue(low: number, high: number, signed: boolean): void {
    this.#out.text(signed ? `${s64(low, high)}LL` : `${u64(low, high)}ULL`);
  }

  #kind(id: number): number {
    return (this.#words[this.#index[id]! + 1]! >>> 24) & 0x1f;
  }
}

const GNUC_VA_LIST = utf8("__gnuc_va_list");
