import { BtfKind, MAX_RESOLVE_DEPTH } from "./kinds.ts";
import type { BtfTables } from "./view.ts";

/** How deep structs may nest: far more than any compiler's, far less than what fills a stack. */
export const MAX_NESTING = 512;

const UNKNOWN = 0;
const IN_PROGRESS = 255;

/** Sizes and alignments of types, as libbpf computes them. */
export class Layout {
  private readonly words: Uint32Array;
  private readonly index: Uint32Array;
  private readonly pointerSize: number;
  /** Alignment + 1 of the structs, and of the types of members, asked for so far. */
  private readonly alignments: Uint8Array;
  /** Size in bits of the types of members asked for so far. */
  private bits: Float64Array | undefined;
  private depth = 0;

  constructor({ words, index }: BtfTables, pointerSize: number) {
    this.words = words;
    this.index = index;
    this.pointerSize = pointerSize;
    this.alignments = new Uint8Array(index.length);
  }

  /**
   * Bytes of a type, through typedefs, modifiers and arrays; -1 for what has no size (void, functions, forward
   * declarations), for 4 GiB and more, and for chains of more than 32 types (`btf__resolve_size`).
   */
  sizeOf(id: number): number {
    const words = this.words;
    let count = 1;
    for (let i = 0; i < MAX_RESOLVE_DEPTH && id !== 0; i++) {
      const at = this.index[id]!;
      switch ((words[at + 1]! >>> 24) & 0x1f) {
        case BtfKind.INT:
        case BtfKind.STRUCT:
        case BtfKind.UNION:
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
        case BtfKind.DATASEC:
        case BtfKind.FLOAT:
          return bounded(count, words[at + 2]!);
        case BtfKind.PTR:
          return bounded(count, this.pointerSize);
        case BtfKind.ARRAY:
          count *= words[at + 5]!;
          if (count > 0xffff_ffff) return -1;
          id = words[at + 3]!;
          break;
        case BtfKind.FWD:
        case BtfKind.FUNC:
        case BtfKind.FUNC_PROTO:
          return -1;
        default:
          id = words[at + 2]!;
      }
    }
    return -1;
  }

  /** Bits that a member of a type takes: none, for a type that has no size. */
  bitsOf(id: number): number {
    const bits = (this.bits ??= new Float64Array(this.index.length));
    const known = bits[id]!;
    if (known !== 0) return known;
    const size = this.sizeOf(id);
    return size > 0 ? (bits[id] = size * 8) : 0;
  }

  /**
   * Alignment of a type in bytes; 1 for a struct whose members are not at multiples of theirs (a packed one), 0 for
   * what has none (`btf__align_of`).
   */
  alignOf(id: number): number {
    const words = this.words;
    for (let hops = 0; hops < this.index.length; hops++) {
      const at = this.index[id]!;
      switch ((words[at + 1]! >>> 24) & 0x1f) {
        case BtfKind.INT:
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
        case BtfKind.FLOAT:
          return Math.min(this.pointerSize, words[at + 2]!);
        case BtfKind.PTR:
          return this.pointerSize;
        case BtfKind.TYPEDEF:
        case BtfKind.VOLATILE:
        case BtfKind.CONST:
        case BtfKind.RESTRICT:
        case BtfKind.TYPE_TAG:
          id = words[at + 2]!;
          break;
        case BtfKind.ARRAY:
          id = words[at + 3]!;
          break;
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          return this.compositeAlign(id);
        default:
          return 0;
      }
    }
    return 0;
  }

  /**
   * True where a struct's members or its size do not keep to their alignment, so that C needs
   * `__attribute__((packed))` to say it. Members that are packed themselves do not count.
   */
  isPacked(id: number): boolean {
    const words = this.words;
    const at = this.index[id]!;
    const info = words[at + 1]!;
    let most = 1;
    for (let member = at + 3, end = member + (info & 0xffff) * 3; member < end; member += 3) {
      const type = words[member + 1]!;
      let align = this.alignments[type]! - 1;
      if (align < 0) {
        align = this.alignOf(type);
        this.alignments[type] = align + 1;
      }
      if (align !== 0 && isMisplaced(info, words[member + 2]!, align)) return true;
      if (align > most) most = align;
    }
    return words[at + 2]! % most !== 0;
  }

  private compositeAlign(id: number): number {
    const known = this.alignments[id]!;
    // A struct that contains itself has no alignment; nor do we follow nesting that would fill the stack.
    if (known === IN_PROGRESS || this.depth > MAX_NESTING) return 0;
    if (known !== UNKNOWN) return known - 1;
    this.alignments[id] = IN_PROGRESS;
    this.depth++;
    const align = this.alignOfMembers(id);
    this.depth--;
    this.alignments[id] = align + 1;
    return align;
  }

  private alignOfMembers(id: number): number {
    const words = this.words;
    const at = this.index[id]!;
    const info = words[at + 1]!;
    let most = 1;
    for (let member = at + 3, end = member + (info & 0xffff) * 3; member < end; member += 3) {
      const align = this.alignOf(words[member + 1]!);
      if (align === 0) return 0;
      if (align > most) most = align;
      if (isMisplaced(info, words[member + 2]!, align)) return 1;
    }
    return words[at + 2]! % most === 0 ? most : 1;
  }
}

/** True for a member that is no bit field and not at a multiple of its alignment. */
function isMisplaced(info: number, offset: number, align: number): boolean {
  if (info >>> 31 === 1 && offset >>> 24 !== 0) return false;
  return offset % (8 * align) !== 0;
}

function bounded(count: number, size: number): number {
  const total = count * size;
  return total > 0xffff_ffff ? -1 : total;
}
