import type { Span } from "../../base/index.ts";

export type TokenKind = "word" | "number" | "mark" | "end";

export interface Token extends Span {
  readonly kind: TokenKind;
  /** As written; words in lower case, since the language knows no case. */
  readonly text: string;
  /** The value of a number without its sign; `NaN` where its digits do not fit its base. */
  readonly value: number;
  /** From 0: statements may span lines, but error recovery goes by lines. */
  readonly line: number;
}

const BLANK = /\s/;

/**
 * The tokens of classic BPF text of every dialect, one at a time: long texts have millions. Comments are bpf_asm's:
 * from `;` to the end of the line, C comments, and lines whose first character is `#`.
 */
export class Lexer {
  readonly #text: string;
  /** Looked for once: after each of many openings it would take time in the square of the text. */
  readonly #lastClosing: number;
  readonly #word = /[A-Za-z_]\w*/y;
  readonly #number = /[0-9]\w*/y;
  #line = 0;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#lastClosing = text.lastIndexOf("*/");
  }

  /** The next token; behind the last one of kind `end`. */
  next(): Token {
    this.#skip();
    const text = this.#text;
    const start = this.#at;
    const line = this.#line;
    if (start >= text.length) return { kind: "end", text: "", value: 0, line, start, end: start };
    const word = this.#match(this.#word);
    if (word !== null) {
      return { kind: "word", text: word.toLowerCase(), value: 0, line, start, end: this.#at };
    }
    const number = this.#match(this.#number);
    if (number !== null) {
      return { kind: "number", text: number, value: numberOf(number), line, start, end: this.#at };
    }
    this.#at++;
    return { kind: "mark", text: text[start]!, value: 0, line, start, end: this.#at };
  }

  #match(pattern: RegExp): string | null {
    const start = this.#at;
    pattern.lastIndex = start;
    if (!pattern.test(this.#text)) return null;
    this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  /** Blanks and comments. */
  #skip(): void {
    const text = this.#text;
    while (this.#at < text.length) {
      const character = text[this.#at]!;
      if (character === " ") {
        this.#at++;
        continue;
      }
      const end = BLANK.test(character) ? this.#at + 1 : commentEnd(text, this.#at, this.#lastClosing);
      if (end === this.#at) return;
      for (; this.#at < end; this.#at++) if (text[this.#at] === "\n") this.#line++;
    }
  }
}

/** Where the comment that begins here ends; `at` itself where none does. */
function commentEnd(text: string, at: number, lastClosing: number): number {
  if (text[at] === ";" || (text[at] === "#" && (at === 0 || text[at - 1] === "\n"))) {
    const end = text.indexOf("\n", at);
    return end < 0 ? text.length : end;
  }
  if (at + 2 <= lastClosing && text.startsWith("/*", at)) return text.indexOf("*/", at + 2) + 2;
  return at;
}

/** C's integer constants, with 0b for binary ones. */
function numberOf(digits: string): number {
  if (digits.length === 1) return digits.charCodeAt(0) - 0x30;
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return Number.parseInt(digits.slice(2), 16);
  if (/^0[bB][01]+$/.test(digits)) return Number.parseInt(digits.slice(2), 2);
  if (/^0[0-7]*$/.test(digits)) return Number.parseInt(digits, 8);
  if (/^[1-9][0-9]*$/.test(digits)) return Number.parseInt(digits, 10);
  return Number.NaN;
}
