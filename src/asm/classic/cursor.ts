import { CompileError, type Diagnostic, type SourceText, type Span } from "../../base/index.ts";
import { Lexer, type Token } from "./lexer.ts";

/** The numbers of the reader's diagnostics. */
export const ClassicDiagnostic = {
  syntax: "CBPF0001",
  unknownInstruction: "CBPF0002",
  range: "CBPF0003",
  undefinedLabel: "CBPF0004",
  duplicateLabel: "CBPF0005",
  jumpTooFar: "CBPF0006",
  count: "CBPF0007",
} as const;

type Code = (typeof ClassicDiagnostic)[keyof typeof ClassicDiagnostic];

const MAX_DIAGNOSTICS = 100;

/** Leaves a statement at its first error; the diagnostic is already noted. */
export class StatementError extends Error {}

/** Walks over tokens and collects diagnostics. */
export class Cursor {
  readonly source: SourceText;
  readonly #lexer: Lexer;
  readonly #diagnostics: Diagnostic[] = [];
  #previous: Token;
  #token: Token;
  /** Read only where it is asked for. */
  #following: Token | null = null;

  constructor(source: SourceText) {
    this.source = source;
    this.#lexer = new Lexer(source.text);
    this.#token = this.#lexer.next();
    this.#previous = this.#token;
  }

  /** The next token. */
  get token(): Token {
    return this.#token;
  }

  /** The token after the next one. */
  get following(): Token {
    return (this.#following ??= this.#lexer.next());
  }

  /** The last token taken; before the first, the first. */
  get previous(): Token {
    return this.#previous;
  }

  get atEnd(): boolean {
    return this.token.kind === "end" || this.#diagnostics.length >= MAX_DIAGNOSTICS;
  }

  take(): Token {
    const token = this.#token;
    if (token.kind !== "end") this.#advance();
    return token;
  }

  #advance(): void {
    this.#previous = this.#token;
    this.#token = this.following;
    this.#following = null;
  }

  is(text: string): boolean {
    const { kind, text: got } = this.token;
    return (kind === "mark" || kind === "word") && got === text;
  }

  /** Takes the token if it is this one. */
  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#advance();
    return true;
  }

  expect(text: string): Token {
    if (!this.is(text)) this.fail(`expected '${text}', got ${describe(this.token)}`);
    return this.take();
  }

  /** A number with an optional sign, -2^31 to 2^32 - 1, as an unsigned one. */
  number(what: string): number {
    return this.integer(what, -0x8000_0000, 0xffff_ffff) >>> 0;
  }

  /** A number with an optional sign, between two bounds. */
  integer(what: string, minimum: number, maximum: number): number {
    const start = this.token.start;
    let sign = 1;
    if (this.accept("-")) sign = -1;
    else this.accept("+");
    const token = this.token;
    if (token.kind !== "number") this.fail(`expected ${what}, got ${describe(token)}`);
    if (Number.isNaN(token.value)) this.fail(`expected ${what}, got the malformed number '${token.text}'`);
    this.take();
    const value = sign * token.value;
    if (!(value >= minimum && value <= maximum)) {
      this.fail(
        `expected ${what} from ${minimum} to ${maximum}, got ${this.source.text.slice(start, token.end)}`,
        ClassicDiagnostic.range,
        { start, end: token.end },
      );
    }
    return value;
  }

  /** Notes an error and leaves the statement. */
  fail(message: string, code: Code = ClassicDiagnostic.syntax, span: Span = this.token): never {
    this.report(message, code, span);
    throw new StatementError(message);
  }

  /** Notes an error, up to 100 of them, and goes on. */
  report(message: string, code: Code, span: Span): void {
    if (this.#diagnostics.length >= MAX_DIAGNOSTICS) return;
    this.#diagnostics.push({
      code,
      severity: "error",
      message,
      span: { start: span.start, end: span.end },
    });
  }

  /** Runs the reader of one statement; after an error, goes on with the first token of a later line. */
  statement(read: () => void): void {
    const first = this.token;
    try {
      read();
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      const line = Math.max(first.line, this.previous.line);
      while (this.token.kind !== "end" && this.token.line <= line) this.#advance();
    }
  }

  /** @throws CompileError where there are diagnostics. */
  finish(): void {
    if (this.#diagnostics.length === 0) return;
    const ordered = this.#diagnostics.toSorted((one, other) => one.span.start - other.span.start);
    throw new CompileError(this.source, ordered);
  }
}

export function describe(token: Token): string {
  return token.kind === "end" ? "the end of the text" : `'${token.text}'`;
}
