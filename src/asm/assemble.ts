import { CompileError, type Diagnostic, SourceText, type Span } from "../base/index.ts";
import { type Insn, lookup } from "../isa/index.ts";
import { AsmCode, Cursor, StatementError, type Token } from "./cursor.ts";
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
    let resumed = false;
    for (let start = 0; start <= text.length && this.#diagnostics.length < ERROR_LIMIT; ) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      const cursor = new Cursor(text, start, end, this.#dialect);
      this.#guarded(() => this.#line(cursor, resumed));
      start = end + 1;
      resumed = cursor.openComment !== undefined;
      if (!resumed) continue;
      const close = text.indexOf("*/", start);
      if (close < 0) {
        this.#guarded(() => {
          throw new StatementError(AsmCode.syntax, "the comment is not closed", cursor.openComment!);
        });
        break;
      }
      start = close + 2;
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

  /** One line, or (`resumed`) what stands in it behind the end of a comment. */
  #line(cursor: Cursor, resumed: boolean): void {
    const start = cursor.position;
    const skipped = resumed ? undefined : this.#dialect.skip?.(cursor.text, start, cursor.end);
    if (skipped === null) return;
    if (skipped !== undefined) cursor.position = skipped.start;
    if (skipped?.slot !== undefined) this.#numbered(skipped.slot, { start, end: skipped.start });
    this.#define(takeLabels(cursor));
    const first = cursor.peek();
    // A line that begins with ';' is a listing's source line.
    if (cursor.atEnd() || (first.text === ";" && !resumed)) return;
    if (first.text !== ";") {
      const statement = this.#dialect.parse(cursor, this.#names);
      this.#append(statement, { start: first.start, end: cursor.position });
    }
    while (cursor.accept(";")) {
      // In a listing, what follows is the state of the registers: "R0=0" is no instruction there.
      if (skipped?.slot !== undefined) return;
      this.#another(cursor);
    }
    if (!cursor.atEnd()) throw cursor.expected("the end of the line");
  }

  /** Behind an instruction, ';' separates it from the next one, if there is one. */
  #another(cursor: Cursor): void {
    this.#define(takeLabels(cursor));
    const first = cursor.peek();
    if (cursor.atEnd() || first.text === ";") return;
    let statement: Statement;
    try {
      statement = this.#dialect.parse(cursor, this.#names);
    } catch (error) {
      if (!(error instanceof StatementError) || cursor.position !== first.start) throw error;
      // Elsewhere ';' begins a comment: say what does here.
      const message = `expected an instruction behind ';' (comments begin with '#' or '//'), got '${first.text}'`;
      throw new StatementError(AsmCode.instruction, message, first);
    }
    this.#append(statement, { start: first.start, end: cursor.position });
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

  #define(labels: readonly Token[]): void {
    const slot = this.#insns.length;
    for (const label of labels) {
      if (label.kind === "number") {
        const places = this.#locals.get(label.text);
        if (places === undefined) this.#locals.set(label.text, [slot]);
        else places.push(slot);
      } else if (this.#labels.has(label.text)) {
        throw new StatementError(AsmCode.duplicateLabel, `label '${label.text}' is defined twice`, label);
      } else {
        this.#labels.set(label.text, slot);
      }
    }
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

/** `a: b: 1:` in front of an instruction. */
function takeLabels(cursor: Cursor): Token[] {
  const labels: Token[] = [];
  for (;;) {
    const begin = cursor.position;
    const name = cursor.peek();
    if (name.kind !== "word" && name.kind !== "number") return labels;
    cursor.next();
    if (!cursor.accept(":")) {
      cursor.position = begin;
      return labels;
    }
    labels.push(name);
  }
}
