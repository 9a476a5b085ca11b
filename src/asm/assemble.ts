import { CompileError, type Diagnostic, SourceText, type Span } from "../base/index.ts";
import { type Insn, lookup } from "../isa/index.ts";
import { AsmCode, Cursor, StatementError } from "./cursor.ts";
import { pseudoc } from "./pseudoc/parse.ts";
import type { AssemblerNames, Dialect, Reference, Statement } from "./statement.ts";
import { ubpf } from "./ubpf/parse.ts";

/** `pseudoc`: the C-like form of Linux and LLVM. `ubpf`: the mnemonics of uBPF and the conformance suite. */
export type AsmDialect = "pseudoc" | "ubpf";

export interface AssembleOptions extends AssemblerNames {
  /** `pseudoc` by default. */
  readonly dialect?: AsmDialect;
  /** The text's name in messages: a file name. */
  readonly name?: string;
}

export interface Assembly {
  readonly insns: readonly Insn[];
  /** Slot of each label. */
  readonly labels: ReadonlyMap<string, number>;
  /** For each slot, the text of its instruction. */
  readonly spans: readonly Span[];
  readonly source: SourceText;
}

const DIALECTS: { readonly [name in AsmDialect]: Dialect } = { pseudoc, ubpf };
/** Errors after which the rest of the text is not looked at. */
const ERROR_LIMIT = 100;
/** Characters from which on a line has at most one error. */
const LONG_LINE = 2000;

/**
 * Instructions from text, one to a line.
 *
 * @throws CompileError with a diagnostic for each line that is wrong, up to 100.
 */
export function assemble(text: string, options: AssembleOptions = {}): Assembly {
  return new Assembler(new SourceText(text, options.name), options).run();
}

class Assembler {
  readonly #source: SourceText;
  readonly #names: AssemblerNames;
  readonly #dialect: Dialect;
  readonly #insns: Insn[] = [];
  readonly #spans: Span[] = [];
  readonly #labels = new Map<string, number>();
  /** Local labels (`1:`) may be defined again and again. */
  readonly #locals = new Map<string, number[]>();
  readonly #references: { readonly slot: number; readonly reference: Reference }[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  /** Slots of a numbered listing that are not there. */
  #missing = 0;

  constructor(source: SourceText, options: AssembleOptions) {
    this.#source = source;
    this.#names = options;
    this.#dialect = DIALECTS[options.dialect ?? "pseudoc"];
  }

  run(): Assembly {
    const { text } = this.#source;
    for (let start = 0; start <= text.length && this.#diagnostics.length < ERROR_LIMIT; ) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      this.#guarded(() => this.#line(start, end));
      start = end + 1;
    }
    for (const { slot, reference } of this.#references) {
      if (this.#diagnostics.length >= ERROR_LIMIT) break;
      this.#guarded(() => this.#resolve(slot, reference));
    }
    if (this.#diagnostics.length > 0) {
      throw new CompileError(this.#source, this.#reported());
    }
    return { insns: this.#insns, labels: this.#labels, spans: this.#spans, source: this.#source };
  }

  /** In source order. A message shows its whole line, so a long line is shown once only. */
  #reported(): Diagnostic[] {
    const ordered = this.#diagnostics.sort((a, b) => a.span.start - b.span.start);
    let shown = 0;
    return ordered
      .filter(({ span }) => {
        const { line } = this.#source.position(span.start);
        if (line === shown && this.#source.line(line).length > LONG_LINE) return false;
        shown = line;
        return true;
      })
      .slice(0, ERROR_LIMIT);
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      this.#diagnostics.push(error.diagnostic);
    }
  }

  #line(lineStart: number, end: number): void {
    const { text } = this.#source;
    let start = lineStart;
    if (this.#dialect.skip !== undefined) {
      const skipped = this.#dialect.skip(text, lineStart, end);
      if (skipped === null) return;
      start = skipped.start;
      if (skipped.slot !== undefined) this.#numbered(skipped.slot, { start: lineStart, end: start });
    }
    const cursor = new Cursor(text, start, end);
    this.#labelsOf(cursor);
    if (cursor.atEnd() || cursor.peek().text === ";") return;
    this.#statement(cursor);
    // Behind an instruction, ';' separates it from the next one, or begins a comment: what is no instruction is one.
    while (cursor.accept(";")) {
      if (cursor.atEnd() || !this.#another(cursor)) return;
    }
    if (!cursor.atEnd()) throw cursor.expected("the end of the line");
  }

  #another(cursor: Cursor): boolean {
    try {
      const begin = cursor.position;
      const statement = this.#dialect.parse(cursor, this.#names);
      if (!cursor.atEnd() && cursor.peek().text !== ";") return false;
      this.#append(statement, { start: begin, end: cursor.position });
      return true;
    } catch (error) {
      if (error instanceof StatementError) return false;
      throw error;
    }
  }

  /** Compares a listing's numbers with the slots; says once, not on every line, that some are missing. */
  #numbered(claimed: number, span: Span): void {
    const slot = this.#insns.length + this.#missing;
    if (claimed === slot) return;
    this.#missing = claimed - this.#insns.length;
    // After an error in a line its slots are missing: that has been said.
    if (this.#diagnostics.length > 0) return;
    throw new StatementError(AsmCode.numbering, `expected instruction ${slot}, got ${claimed}`, span);
  }

  #labelsOf(cursor: Cursor): void {
    for (;;) {
      const begin = cursor.position;
      const name = cursor.peek();
      if (name.kind !== "word" && name.kind !== "number") return;
      cursor.next();
      if (!cursor.accept(":")) {
        cursor.position = begin;
        return;
      }
      const slot = this.#insns.length;
      if (name.kind === "number") {
        const places = this.#locals.get(name.text);
        if (places === undefined) this.#locals.set(name.text, [slot]);
        else places.push(slot);
      } else if (this.#labels.has(name.text)) {
        throw new StatementError(AsmCode.duplicateLabel, `label '${name.text}' is defined twice`, name);
      } else {
        this.#labels.set(name.text, slot);
      }
    }
  }

  #statement(cursor: Cursor): void {
    const start = cursor.position;
    const statement = this.#dialect.parse(cursor, this.#names);
    this.#append(statement, { start, end: cursor.position });
  }

  #append(statement: Statement, span: Span): void {
    const { exitLabel } = this.#dialect;
    if (exitLabel !== undefined && !this.#labels.has(exitLabel)) {
      if (statement.insns[0] !== undefined && lookup(statement.insns[0])?.kind === "exit") {
        this.#labels.set(exitLabel, this.#insns.length);
      }
    }
    if (statement.reference !== undefined) {
      this.#references.push({ slot: this.#insns.length, reference: statement.reference });
    }
    for (const insn of statement.insns) {
      this.#insns.push(insn);
      this.#spans.push(span);
    }
  }

  #resolve(slot: number, reference: Reference): void {
    const target = this.#targetOf(slot, reference);
    if (target === undefined) {
      if (reference.otherwise === undefined) {
        throw reference.callee === true
          ? new StatementError(
              AsmCode.helper,
              `there is no helper or label '${reference.label}'`,
              reference.span,
            )
          : new StatementError(
              AsmCode.undefinedLabel,
              `label '${reference.label}' is not defined`,
              reference.span,
            );
      }
      this.#insns[slot] = reference.otherwise;
      return;
    }
    const displacement = target - slot - 1;
    if (reference.field === "off" && (displacement < -0x8000 || displacement > 0x7fff)) {
      const message = `expected a jump of 16 bits, got ${displacement} slots to '${reference.label}'`;
      throw new StatementError(AsmCode.distance, message, reference.span);
    }
    this.#insns[slot] = { ...this.#insns[slot]!, [reference.field]: displacement };
  }

  #targetOf(slot: number, { label, direction }: Reference): number | undefined {
    if (direction === undefined) return this.#labels.get(label);
    const places = this.#locals.get(label) ?? [];
    // Places are in order: the first behind the jump, or the last not behind it.
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle]! > slot) high = middle;
      else low = middle + 1;
    }
    return direction === "forward" ? places[low] : places[low - 1];
  }
}
