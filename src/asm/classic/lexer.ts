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
const WORD_START = /[A-Za-z_]/;
const DIGIT = /[0-9]/;
const WORD_PART = /[A-Za-z0-9_]/;

/**
 * The tokens of classic BPF text of every dialect, the last of kind `end`. Comments are bpf_asm's: from `;` to the
 * end of the line, C comments, and lines whose first character is `#`.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  // Looked for once: after each of many openings it would take time in the square of the text.
  const lastClosing = text.lastIndexOf("*/");
  let line = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    if (character === "\n") line++;
    if (BLANK.test(character)) {
      at++;
      continue;
    }
    const start = at;
    const pastComment = commentEnd(text, at, lastClosing);
    if (pastComment > at) {
      for (; at < pastComment; at++) if (text[at] === "\n") line++;
      continue;
    }
    at++;
    const word = WORD_START.test(character);
    if (!word && !DIGIT.test(character)) {
      tokens.push({ kind: "mark", text: character, value: 0, line, start, end: at });
      continue;
    }
    while (at < text.length && WORD_PART.test(text[at]!)) at++;
    const written = text.slice(start, at);
    tokens.push(
      word
        ? { kind: "word", text: written.toLowerCase(), value: 0, line, start, end: at }
        : { kind: "number", text: written, value: numberOf(written), line, start, end: at },
    );
  }
  tokens.push({ kind: "end", text: "", value: 0, line, start: text.length, end: text.length });
  return tokens;
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
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return Number.parseInt(digits.slice(2), 16);
  if (/^0[bB][01]+$/.test(digits)) return Number.parseInt(digits.slice(2), 2);
  if (/^0[0-7]*$/.test(digits)) return Number.parseInt(digits, 8);
  if (/^[1-9][0-9]*$/.test(digits)) return Number.parseInt(digits, 10);
  return Number.NaN;
}
