import { FormatError, textOf, utf8 } from "../base/index.ts";

/**
 * A string table, read: offset → string.
 *
 * Linkers share suffixes, so decoding every offset may take more bytes than the table has; a hostile table
 * makes that quadratic. A budget of 16 times the table (real ones stay below 2) bounds it.
 */
export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  readonly #known = new Map<number, string>();
  #budget: number;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
    this.#budget = 16 * bytes.length + 65536;
  }

  /** The string at `offset`; a FormatError where it does not end inside the table. */
  at(offset: number): string {
    if (offset === 0 && this.#bytes.length === 0) return "";
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const bytes = this.#bytes;
    if (offset >= bytes.length) {
      throw new FormatError(this.#what, bytes.length, `name offset ${offset} is outside the table`);
    }
    const end = bytes.indexOf(0, offset);
    if (end < 0) throw new FormatError(this.#what, offset, "expected a string that ends with NUL");
    this.#budget -= end - offset;
    if (this.#budget < 0) throw new FormatError(this.#what, offset, "too many strings overlap each other");
    const text = textOf(bytes.subarray(offset, end));
    this.#known.set(offset, text);
    return text;
  }
}

/** A string table, written: each distinct string once, the empty one at offset 0. */
export class StringTableWriter {
  readonly #pieces: Uint8Array[] = [];
  readonly #offsets = new Map<string, number>([["", 0]]);
  #length = 1;

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#length;
    const piece = utf8(text);
    this.#pieces.push(piece);
    this.#length += piece.length + 1;
    this.#offsets.set(text, offset);
    return offset;
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 1;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length + 1;
    }
    return bytes;
  }
}
