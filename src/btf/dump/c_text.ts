import type { ByteSink } from "./line_format.ts";

const CHUNK = 1 << 17;
const SLACK = 1 << 12;
const TAB = 9;
const MAX_INDENT = 13;

/** Output of C source: fixed pieces as bytes, names copied from the string section. */
export class CText {
  readonly #strings: Uint8Array;
  readonly #sink: ByteSink;
  readonly #out: Uint8Array;
  #length = 0;

  constructor(strings: Uint8Array, sink: ByteSink) {
    this.#strings = strings;
    this.#sink = sink;
    // Room for the longest name there could be, behind the point where the buffer is emptied.
    this.#out = new Uint8Array(CHUNK + strings.length + SLACK);
  }

  /** A piece of at most 4096 bytes. */
  write(piece: Uint8Array): void {
    if (this.#length > CHUNK) this.flush();
    const out = this.#out;
    let length = this.#length;
    for (let i = 0; i < piece.length; i++) out[length++] = piece[i]!;
    this.#length = length;
  }

  /** The string at an offset of the string section. */
  string(offset: number): void {
    if (this.#length > CHUNK) this.flush();
    const out = this.#out;
    const strings = this.#strings;
    let length = this.#length;
    for (let byte = strings[offset]!; byte !== 0; byte = strings[++offset]!) out[length++] = byte;
    this.#length = length;
  }

  /** As `string`, but at most `limit` bytes of it. Returns how many it wrote. */
  stringUpTo(offset: number, limit: number): number {
    let end = offset;
    while (end < offset + limit && this.#strings[end] !== 0) end++;
    this.write(this.#strings.subarray(offset, end));
    return end - offset;
  }

  /** One ASCII character. */
  char(code: number): void {
    this.#out[this.#length++] = code;
  }

  /** A line break and `level` tabs. */
  line(level: number): void {
    if (this.#length > CHUNK) this.flush();
    let length = this.#length;
    this.#out[length++] = 10;
    // As many as libbpf prints at most.
    for (let i = Math.min(level, MAX_INDENT); i > 0; i--) this.#out[length++] = TAB;
    this.#length = length;
  }

  unsigned(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let at = this.#length + digits;
    this.#length = at;
    const out = this.#out;
    do {
      const quotient = (value / 10) >>> 0;
      out[--at] = 48 + (value - quotient * 10);
      value = quotient;
    } while (value !== 0);
  }

  signed(value: number): void {
    if (value < 0) {
      this.char(45);
      value = -value;
    }
    this.unsigned(value);
  }

  /** ASCII text that is no fixed piece. */
  text(text: string): void {
    if (this.#length > CHUNK) this.flush();
    for (let i = 0; i < text.length; i++) this.#out[this.#length++] = text.charCodeAt(i);
  }

  flush(): void {
    if (this.#length > 0) this.#sink(this.#out.subarray(0, this.#length));
    this.#length = 0;
  }
}
