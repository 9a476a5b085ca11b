import type { Diagnostic, Span } from "../base/index.ts";

/** What can be wrong with assembly text. */
export const AsmCode = {
  syntax: "ASM0001",
  instruction: "ASM0002",
  register: "ASM0003",
  range: "ASM0004",
  undefinedLabel: "ASM0005",
  duplicateLabel: "ASM0006",
  distance: "ASM0007",
  helper: "ASM0008",
  numbering: "ASM0009",
} as const;
export type AsmCode = (typeof AsmCode)[keyof typeof AsmCode];

export interface Token extends Span {
  readonly kind: "word" | "number" | "symbol" | "end";
  readonly text: string;
}

/** Thrown out of one statement; the assembler records its diagnostic and goes on with the next line. */
export class StatementError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(code: AsmCode, message: string, span: Span) {
    super(message);
    this.diagnostic = { code, severity: "error", message, span: { start: span.start, end: span.end } };
  }
}

const WORD = /[A-Za-z_.$][\w.$@]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+/y;
const SYMBOL = /<<=|>>=|[-+*/%|&^<>=!]=|\S/y;
const BLANK = /(?:[ \t\r\f\v]|\/\*[^\n]*?\*\/)+/y;

/** Reads the tokens of one line, on demand: a comment is never looked at. */
export class Cursor {
  readonly text: string;
  readonly end: number;
  #at: number;
  #token: Token | undefined;
  #openComment: Span | undefined;
  readonly #octal: boolean;
  /** `#` joins a name and an id (`call bpf_x#25`) instead of beginning a comment. */
  #hash = false;

  constructor(text: string, start: number, end: number, options: { readonly octal?: boolean } = {}) {
    this.text = text;
    this.#octal = options.octal === true;
    this.#at = start;
    this.end = end;
  }

  /** Where the next token is looked for; assign it to go back. */
  get position(): number {
    return this.#token?.start ?? this.#at;
  }

  set position(position: number) {
    this.#at = position;
    this.#token = undefined;
  }

  /** The beginning of a comment that goes on behind this line, where reading has met one. */
  get openComment(): Span | undefined {
    return this.#openComment;
  }

  joinHash(): void {
    this.#hash = true;
  }

  peek(): Token {
    return (this.#token ??= this.#scan());
  }

  next(): Token {
    const token = this.peek();
    this.#at = token.end;
    this.#token = undefined;
    return token;
  }

  /** Takes the next token where it is this text. */
  accept(text: string): boolean {
    if (this.peek().text !== text || this.peek().kind === "end") return false;
    this.next();
    return true;
  }

  expect(text: string): Token {
    const token = this.peek();
    if (token.text !== text || token.kind === "end") throw this.expected(`'${text}'`);
    return this.next();
  }

  /** Takes a sequence of tokens, or none of them. */
  acceptAll(...texts: readonly string[]): boolean {
    const start = this.position;
    for (const text of texts) {
      if (!this.accept(text)) {
        this.position = start;
        return false;
      }
    }
    return true;
  }

  expected(what: string): StatementError {
    const token = this.peek();
    const got = token.kind === "end" ? "the end of the line" : `'${token.text}'`;
    return new StatementError(AsmCode.syntax, `expected ${what}, got ${got}`, token);
  }

  /** An integer with an optional sign. */
  integer(what = "a number"): { readonly value: bigint; readonly span: Span } {
    const start = this.position;
    const first = this.peek();
    const negative = this.accept("-");
    if (!negative) this.accept("+");
    if (this.peek().kind !== "number") {
      this.position = start;
      throw this.expected(what);
    }
    const token = this.next();
    // 64 bits in binary have 66 characters; anything longer is out of every range, and slow to convert.
    const digits = token.text.length > 80 ? "0xfffffffffffffffff" : token.text;
    const magnitude = BigInt(this.#isOctal(token) ? `0o${digits}` : digits);
    return { value: negative ? -magnitude : magnitude, span: { start: first.start, end: token.end } };
  }

  #isOctal(token: Token): boolean {
    if (!this.#octal || !/^0[0-9]/.test(token.text)) return false;
    if (/^[0-7]*$/.test(token.text)) return true;
    throw new StatementError(AsmCode.syntax, `expected octal digits behind 0, got '${token.text}'`, token);
  }

  /** An integer of 32 bits, signed or unsigned, as its signed value. */
  imm32(what = "a number"): number {
    const { value, span } = this.integer(what);
    return narrow(value, span, 32, "an immediate");
  }

  /** A signed integer of 16 bits. */
  off16(what = "an offset"): number {
    const { value, span } = this.integer(what);
    return signed(value, span, 16, what);
  }

  atEnd(): boolean {
    return this.peek().kind === "end";
  }

  #scan(): Token {
    BLANK.lastIndex = this.#at;
    const blank = BLANK.exec(this.text);
    const start = Math.min(this.end, this.#at + (blank?.[0].length ?? 0));
    if (start >= this.end) return { kind: "end", text: "", start: this.end, end: this.end };
    const char = this.text[start]!;
    if (char === "#" && !(this.#hash && start === this.#at))
      return { kind: "end", text: "", start, end: start };
    const second = start + 1 < this.end ? this.text[start + 1] : "";
    if (char === "/" && (second === "/" || second === "*")) {
      if (second === "*") this.#openComment = { start, end: start + 2 };
      return { kind: "end", text: "", start, end: start };
    }
    for (const [kind, pattern] of KINDS) {
      pattern.lastIndex = start;
      const match = pattern.exec(this.text);
      if (match !== null) return { kind, text: match[0], start, end: start + match[0].length };
    }
    return { kind: "symbol", text: char, start, end: start + 1 };
  }
}

const KINDS = [
  ["word", WORD],
  ["number", NUMBER],
  ["symbol", SYMBOL],
] as const;

/** Fits a value of either sign into `bits`, as a signed number. */
export function narrow(value: bigint, span: Span, bits: 32 | 64, what: string, advice = ""): number {
  const limit = 1n << BigInt(bits);
  if (value < -(limit >> 1n) || value >= limit) {
    throw new StatementError(AsmCode.range, `expected ${what} of ${bits} bits, got ${value}${advice}`, span);
  }
  return Number(BigInt.asIntN(bits, value));
}

export function signed(value: bigint, span: Span, bits: 16 | 32, what: string): number {
  const half = 1n << BigInt(bits - 1);
  if (value < -half || value >= half) {
    throw new StatementError(AsmCode.range, `expected ${what} of ${bits} bits, got ${value}`, span);
  }
  return Number(value);
}
