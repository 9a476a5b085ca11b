import { s64, u64, utf8 } from "../../base/index.ts";
import { BtfKind } from "../kinds.ts";
import { Layout } from "../layout.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";
import type { WalkBounds } from "./bounds.ts";
import {
  F,
  MAX_INDENT,
  MAX_SUFFIXED_NAME,
  PIECE_CONST,
  PIECE_COUNT,
  PIECE_LEVELS,
  PIECE_OF_KIND,
  PIECE_VOID,
} from "./c-formats.ts";
import { NameCounts } from "./c-names.ts";
import { type PaddingSink, padBetween } from "./c-padding.ts";
import type { LineWriter } from "./line-format.ts";

/** In what versions of libbpf differ. */
export interface CStyle {
  /** Enums of other sizes than that of `int` say so by a `mode` attribute. */
  readonly enumModes: boolean;
  /** Type tags may be whole attributes. */
  readonly attributes: boolean;
}

/**
 * Writes C declarations and definitions of single types.
 *
 * In this folder methods are private by type, not by `#`: the check that a `#` method makes at each call is 10 % of
 * the time of a dump that runs once.
 */
export class Declarations implements PaddingSink {
  private readonly btf: Btf;
  private readonly words: Uint32Array;
  private readonly index: Uint32Array;
  private readonly strings: Uint8Array;
  private readonly out: LineWriter;
  private readonly bounds: WalkBounds;
  private readonly layout: Layout;
  private readonly style: CStyle;
  /** Struct, union and enum tags are one name space of C, typedefs and enumerators another. */
  private readonly tags: NameCounts;
  private readonly identifiers: NameCounts;
  /** Number of each type among those of its name, from 1; 0 where it is not named yet. */
  private readonly numbers: Uint32Array;
  /** One more than the number of the piece that each type is; 0 where it is not known yet. */
  private readonly pieces: Uint8Array;
  /** Where the name of the piece is. */
  private readonly pieceAt: Uint32Array;
  /** Types from a declared name to its base type; each nested declaration has its own part of it. */
  private stack = new Uint32Array(64);
  private top = 0;
  /** The struct that is being padded, and how deep its members are. */
  private padded = 0;
  private padLevel = 0;

  constructor(btf: Btf, tables: BtfTables, out: LineWriter, bounds: WalkBounds, style: CStyle) {
    this.btf = btf;
    this.words = tables.words;
    this.index = tables.index;
    this.strings = tables.strings;
    this.out = out;
    this.bounds = bounds;
    this.layout = new Layout(tables, btf.pointerSize);
    this.style = style;
    this.tags = new NameCounts(tables.strings, btf.count);
    this.identifiers = new NameCounts(tables.strings, btf.count);
    this.numbers = new Uint32Array(btf.count);
    this.pieces = new Uint8Array(btf.count);
    this.pieceAt = new Uint32Array(btf.count);
  }

  /** `struct NAME` or `union NAME`. */
  compositeTag(id: number): void {
    this.out.line(this.kind(id) === BtfKind.STRUCT ? F.struct : F.union, 0, 0);
    this.tag(id);
  }

  /** The tag of a forward declaration. */
  forward(id: number): void {
    const at = this.index[id]!;
    this.out.line(this.words[at + 1]! >>> 31 === 1 ? F.union : F.struct, 0, 0);
    if (this.words[at] === 0) this.out.line(F.space, 0, 0);
    else this.tag(id);
  }

  /** `typedef TYPE NAME`. */
  typedef(id: number): void {
    const at = this.index[id]!;
    const target = this.words[at + 2]!;
    if (target === 0 && this.isNamed(id, GNUC_VA_LIST)) {
      // Old compilers describe it as void, which C cannot declare.
      this.number(id, this.identifiers);
      this.out.text("typedef __builtin_va_list __gnuc_va_list");
      return;
    }
    this.out.line(F.typedef, 0, 0);
    this.declare(target, at, this.number(id, this.identifiers), 0);
  }

  /** Ends a definition. */
  finish(): void {
    this.out.line(F.finish, 0, 0);
  }

  /** Counts the name of a base type; returns its number among those of the name. */
  countBaseType(id: number): number {
    return this.words[this.index[id]!] === 0 ? 1 : this.number(id, this.tags);
  }

  /** True if these are the bytes of the type's name. */
  isNamed(id: number, name: Uint8Array): boolean {
    const start = this.words[this.index[id]!]!;
    for (let i = 0; i < name.length; i++) if (this.strings[start + i] !== name[i]) return false;
    return start !== 0 && this.strings[start + name.length] === 0;
  }

  /** `struct NAME { … }` with members at `level + 1` tabs. */
  composite(id: number, level: number): void {
    const words = this.words;
    const out = this.out;
    const at = this.index[id]!;
    const info = words[at + 1]!;
    const size = words[at + 2]!;
    const isStruct = ((info >>> 24) & 0x1f) === BtfKind.STRUCT;
    const packed = isStruct && this.layout.isPacked(id);
    this.bounds.enter(id);
    out.line(isStruct ? F.struct : F.union, 0, 0);
    this.tag(id);
    out.line(F.open, 0, 0);
    this.members(id, at, info, packed, level);
    if (size !== 0 || (info & 0xffff) !== 0) this.line(level);
    out.line(F.close, 0, 0);
    if (packed) out.line(F.packed, 0, 0);
    this.bounds.leave();
  }

  private members(id: number, at: number, info: number, packed: boolean, level: number): void {
    const { words, out, layout, pieces } = this;
    const withBits = info >>> 31 === 1;
    const pieceBase = level < PIECE_LEVELS ? F.memberLine0 + level * PIECE_COUNT : -1;
    let offset = 0;
    let afterBitfield = false;
    for (let member = at + 3, end = member + (info & 0xffff) * 3; member < end; member += 3) {
      const type = words[member + 1]!;
      let start = words[member + 2]!;
      let bits = 0;
      if (withBits) {
        bits = start >>> 24;
        start &= 0xff_ffff;
      }
      if (offset < start) {
        this.pad(
          id,
          offset,
          start,
          packed ? 1 : layout.alignOf(type),
          afterBitfield && bits !== 0,
          level + 1,
        );
      }
      let piece = pieces[type]!;
      if (piece === 0) piece = this.pieceOf(type);
      if (piece !== COMPOUND && pieceBase >= 0 && words[member] !== 0) {
        out.line(pieceBase + piece - 1, this.pieceAt[type]!, 0);
        out.line(bits === 0 ? F.memberName : F.memberBits, member, 0);
      } else this.compoundMember(type, member, bits, level + 1);
      offset = start + (bits === 0 ? layout.bitsOf(type) : bits);
      afterBitfield = bits !== 0;
    }
    const size = words[at + 2]! * 8;
    if (offset < size && ((info >>> 24) & 0x1f) === BtfKind.STRUCT) {
      this.pad(id, offset, size, layout.alignOf(id), false, level + 1);
    }
  }

  private compoundMember(type: number, member: number, bits: number, level: number): void {
    this.line(level);
    this.declare(type, member, 1, level);
    if (bits === 0) this.out.line(F.end, 0, 0);
    else this.out.line(F.bits, 0, bits);
  }

  /**
   * Finds out whether a type is written in one piece: up to two pointers to a (constant) type that has a name of its
   * own. It stays so from the first use on, which counts the name.
   */
  private pieceOf(id: number): number {
    const { words, index } = this;
    let type = id;
    let pointers = 0;
    let at = index[type]!;
    let kind = (words[at + 1]! >>> 24) & 0x1f;
    while (kind === BtfKind.PTR && pointers < 2) {
      pointers++;
      type = words[at + 2]!;
      at = index[type]!;
      kind = (words[at + 1]! >>> 24) & 0x1f;
    }
    let constant = 0;
    if (kind === BtfKind.CONST) {
      constant = PIECE_CONST;
      type = words[at + 2]!;
      at = index[type]!;
      kind = (words[at + 1]! >>> 24) & 0x1f;
    }
    const base = PIECE_OF_KIND[kind]!;
    let piece = COMPOUND;
    if (base === PIECE_VOID || (base >= 0 && words[at] !== 0)) {
      const isTag = base > 0 && base < PIECE_VOID;
      const isTypedef = kind === BtfKind.TYPEDEF;
      if ((!isTag && !isTypedef) || this.number(type, isTag ? this.tags : this.identifiers) === 1) {
        piece = base + constant + pointers + 1;
      }
    }
    this.pieces[id] = piece;
    this.pieceAt[id] = at;
    return piece;
  }

  /** `enum NAME { … }`, or only the tag of an enum without enumerators. */
  enumeration(id: number, level: number): void {
    const words = this.words;
    const out = this.out;
    const at = this.index[id]!;
    const info = words[at + 1]!;
    out.line(F.enum, 0, 0);
    this.tag(id);
    const vlen = info & 0xffff;
    if (vlen === 0) return;
    const wide = ((info >>> 24) & 0x1f) === BtfKind.ENUM64;
    const step = wide ? 3 : 2;
    out.line(F.open, 0, 0);
    let mode = true;
    for (let element = at + 3, end = element + vlen * step; element < end; element += step) {
      this.bounds.step(id);
      const number = this.identifiers.declare(words[element]!);
      if (number === 1 && !wide && level < PIECE_LEVELS) {
        out.line((info >>> 31 === 1 ? F.signedLine0 : F.valueLine0) + level, element, 0);
        continue;
      }
      this.line(level + 1);
      this.named(F.name, element, number);
      if (wide) {
        this.wideValue(words[element + 1]!, words[element + 2]!, info >>> 31 === 1);
        if (words[element + 2] !== 0) mode = false;
      } else {
        out.line(info >>> 31 === 1 ? F.valueSigned : F.value, element, 0);
      }
    }
    this.line(level);
    out.line(F.close, 0, 0);
    if (!this.style.enumModes) return;
    const size = words[at + 2]!;
    if (size === 1) out.line(F.modeByte, 0, 0);
    // A value that needs 64 bits makes the enum as large by itself.
    else if (size === 8 && this.btf.pointerSize === 8 && mode) out.line(F.modeWord, 0, 0);
  }

  /**
   * The declaration of a name (that at `words[name]`; of void for none) as being of a type. `number` is that of a name with a
   * suffix, as in `name___2`.
   */
  declare(id: number, name: number, number: number, level: number): void {
    const words = this.words;
    const start = this.top;
    for (;;) {
      this.push(id);
      if (id === 0) break;
      this.bounds.step(id);
      const at = this.index[id]!;
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
    this.bounds.enter(id);
    this.chain(start, name, number, level);
    this.bounds.leave();
    this.top = start;
  }

  private push(id: number): void {
    if (this.top === this.stack.length) {
      const grown = new Uint32Array(this.top * 2);
      grown.set(this.stack);
      this.stack = grown;
    }
    this.stack[this.top++] = id;
  }

  /** Writes what is on the stack above `start`, the base type first, and the name where C wants it. */
  private chain(start: number, name: number, number: number, level: number): void {
    const words = this.words;
    const out = this.out;
    let afterPointer = true;
    while (this.top > start) {
      const id = this.stack[--this.top]!;
      const at = this.index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      switch (kind) {
        case BtfKind.PTR:
          out.line(afterPointer ? F.pointer : F.spacePointer, 0, 0);
          break;
        case BtfKind.VOLATILE:
          out.line(F.volatileAfter, 0, 0);
          break;
        case BtfKind.CONST:
          out.line(F.constAfter, 0, 0);
          break;
        case BtfKind.RESTRICT:
          out.line(F.restrictAfter, 0, 0);
          break;
        case BtfKind.TYPE_TAG:
          this.modifiers(start);
          this.typeTag(at);
          break;
        case BtfKind.ARRAY:
          this.array(start, at, afterPointer, name, number, level);
          return;
        case BtfKind.FUNC_PROTO:
          this.prototype(start, at, afterPointer, name, number, level);
          return;
        case BtfKind.FUNC:
        case BtfKind.VAR:
        case BtfKind.DATASEC:
        case BtfKind.DECL_TAG:
          // Nothing of these can be declared: libbpf warns and writes no more of this declaration.
          return;
        default:
          this.modifiers(start);
          this.baseType(id, at, kind, level);
      }
      afterPointer = kind === BtfKind.PTR;
    }
    this.declared(name, number, afterPointer);
  }

  private baseType(id: number, at: number, kind: number, level: number): void {
    const named = this.words[at] !== 0;
    switch (kind) {
      case BtfKind.VOID:
        this.out.line(F.void, 0, 0);
        break;
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        if (named) this.compositeTag(id);
        else this.composite(id, level);
        break;
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        if (named) {
          this.out.line(F.enum, 0, 0);
          this.tag(id);
        } else this.enumeration(id, level);
        break;
      case BtfKind.FWD:
        this.forward(id);
        break;
      case BtfKind.TYPEDEF:
        this.named(F.name, at, this.number(id, this.identifiers));
        break;
      default:
        this.out.line(F.name, at, 0);
    }
  }

  private array(
    start: number,
    at: number,
    afterPointer: boolean,
    name: number,
    number: number,
    level: number,
  ): void {
    const out = this.out;
    // Compilers say of an array of constants that the array is constant too: C says it once.
    this.dropModifiers(start);
    if (this.top === start) {
      this.declared(name, number, afterPointer);
    } else {
      if (!afterPointer && this.strings[this.words[name]!] !== 0) out.line(F.space, 0, 0);
      const nested = this.kind(this.stack[this.top - 1]!) !== BtfKind.ARRAY;
      if (nested) out.line(F.paren, 0, 0);
      this.bounds.enter(this.stack[this.top - 1]!);
      this.chain(start, name, number, level);
      this.bounds.leave();
      if (nested) out.line(F.closeParen, 0, 0);
    }
    out.line(F.array, at, 0);
  }

  private prototype(
    start: number,
    at: number,
    afterPointer: boolean,
    name: number,
    number: number,
    level: number,
  ): void {
    const words = this.words;
    const out = this.out;
    // GCC writes noreturn as volatile.
    this.dropModifiers(start);
    if (this.top > start) {
      out.line(F.spaceParen, 0, 0);
      this.bounds.enter(this.stack[this.top - 1]!);
      this.chain(start, name, number, level);
      this.bounds.leave();
      out.line(F.closeParen, 0, 0);
    } else {
      this.declared(name, number, afterPointer);
    }
    out.line(F.paren, 0, 0);
    const vlen = words[at + 1]! & 0xffff;
    const first = at + 3;
    if (vlen === 0 || (vlen === 1 && words[first + 1] === 0)) {
      out.line(F.voidParen, 0, 0);
      return;
    }
    const last = first + (vlen - 1) * 2;
    for (let param = first; param <= last; param += 2) {
      const type = words[param + 1]!;
      let piece = this.pieces[type]!;
      if (piece === 0) piece = this.pieceOf(type);
      if (type === 0 && param === last) {
        out.line(F.commaEllipsis, 0, 0);
      } else if (piece === COMPOUND) {
        if (param !== first) out.line(F.comma, 0, 0);
        this.declare(type, param, 1, level);
      } else {
        out.line((param === first ? F.piece0 : F.nextPiece0) + piece - 1, this.pieceAt[type]!, 0);
        this.declared(param, 1, (piece - 1) % 3 !== 0);
      }
    }
    out.line(F.closeParen, 0, 0);
  }

  /** Modifiers on top of the stack: C writes those of a base type before it. */
  private modifiers(start: number): void {
    while (this.top > start) {
      const kind = this.kind(this.stack[this.top - 1]!);
      if (kind === BtfKind.VOLATILE) this.out.line(F.volatile, 0, 0);
      else if (kind === BtfKind.CONST) this.out.line(F.const, 0, 0);
      else if (kind === BtfKind.RESTRICT) this.out.line(F.restrict, 0, 0);
      else return;
      this.top--;
    }
  }

  private dropModifiers(start: number): void {
    while (this.top > start) {
      const kind = this.kind(this.stack[this.top - 1]!);
      if (kind !== BtfKind.TYPE_TAG && (kind < BtfKind.VOLATILE || kind > BtfKind.RESTRICT)) return;
      this.top--;
    }
  }

  private typeTag(at: number): void {
    const attribute = this.style.attributes && this.words[at + 1]! >>> 31 === 1;
    this.out.line(attribute ? F.attribute : F.typeTag, at, 0);
  }

  private declared(name: number, number: number, afterPointer: boolean): void {
    if (this.strings[this.words[name]!] !== 0) {
      this.named(afterPointer ? F.name : F.spaceName, name, number);
    }
  }

  private tag(id: number): void {
    const at = this.index[id]!;
    if (this.words[at] !== 0) this.named(F.spaceName, at, this.number(id, this.tags));
  }

  /** The name at `words[at]`, with its number if it is not the first of its name. */
  private named(format: number, at: number, number: number): void {
    if (number === 1) this.out.line(format, at, 0);
    else this.numbered(format + 1, at, number);
  }

  private numbered(format: number, at: number, number: number): void {
    const start = this.words[at]!;
    const room = MAX_SUFFIXED_NAME - `___${number}`.length;
    if (this.strings.indexOf(0, start) - start <= room) {
      this.out.line(format, at, number);
      return;
    }
    if (format === F.spaceNameNumbered) this.out.line(F.space, 0, 0);
    this.out.raw(this.strings, start, this.strings.indexOf(0, start), `___${number}`, MAX_SUFFIXED_NAME);
  }

  /** Counts the type's name at its first use, in the order of the output. */
  private number(id: number, space: NameCounts): number {
    const known = this.numbers[id]!;
    if (known !== 0) return known;
    const at = this.index[id]!;
    const info = this.words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    const declaresOnly = kind === BtfKind.FWD || (kind === BtfKind.ENUM && (info & 0xffff) === 0);
    const number = declaresOnly ? 1 : space.declare(this.words[at]!);
    this.numbers[id] = number;
    return number;
  }

  private pad(id: number, from: number, to: number, align: number, inBitfield: boolean, level: number): void {
    this.padded = id;
    this.padLevel = level;
    padBetween(from, to, align, inBitfield, this.btf.pointerSize, this);
  }

  /** One unnamed bit field of the struct that is being padded. */
  padding(type: number, bits: number): void {
    this.bounds.step(this.padded);
    this.line(this.padLevel);
    this.out.line(F.paddingLong + type, 0, bits);
  }

  private wideValue(low: number, high: number, signed: boolean): void {
    this.out.text(signed ? ` = ${s64(low, high)}LL,` : ` = ${u64(low, high)}ULL,`);
  }

  private line(level: number): void {
    this.out.line(F.line0 + Math.min(level, MAX_INDENT), 0, 0);
  }

  private kind(id: number): number {
    return (this.words[this.index[id]! + 1]! >>> 24) & 0x1f;
  }
}

/** In place of a piece: a type that takes more than one. */
const COMPOUND = 255;

const GNUC_VA_LIST = utf8("__gnuc_va_list");
