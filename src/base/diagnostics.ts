import { TsbpfError } from "./errors.ts";
import type { SourceText, Span } from "./source.ts";

export type Severity = "error" | "warning" | "note";

/** One finding about a source text. */
export interface Diagnostic {
  /** Stable and numbered per compiler: `"ASM0003"`. */
  readonly code: string;
  readonly severity: Severity;
  /** One sentence, without a final full stop: "expected a register, got 'r11'". */
  readonly message: string;
  readonly span: Span;
}

/** Source text that does not compile: all diagnostics of one run, in source order. */
export class CompileError extends TsbpfError {
  override name = "CompileError";
  readonly source: SourceText;
  readonly diagnostics: readonly Diagnostic[];

  constructor(source: SourceText, diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => renderDiagnostic(source, diagnostic)).join("\n"));
    this.source = source;
    this.diagnostics = diagnostics;
  }
}

/** Characters of a message that are shown: it may quote a word as long as the file. */
const MESSAGE_LIMIT = 300;
/** Characters of a source line that are shown; of a longer one, a part around the span. */
const LINE_LIMIT = 160;
/** Of which so many before the span. */
const BEFORE = 60;

/**
 * A diagnostic as people read it: `NAME:LINE:COLUMN: error: message [CODE]`, the source line, and a line of
 * carets under the span. Tabs of the source line are kept, so that the carets stand where the eye expects them. Of a
 * line of more than 160 characters the part around the span is shown, with `…` where it was cut.
 */
export function renderDiagnostic(source: SourceText, diagnostic: Diagnostic): string {
  const { line, column } = source.position(diagnostic.span.start);
  const { message: all } = diagnostic;
  const message = all.length <= MESSAGE_LIMIT ? all : `${all.slice(0, MESSAGE_LIMIT)}…`;
  const head = `${source.name}:${line}:${column}: ${diagnostic.severity}: ${message} [${diagnostic.code}]`;
  const whole = source.line(line);
  if (whole.length === 0) return head;
  const { text, from } = clipped(whole, column - 1);
  const at = column - 1 - from;
  const width = Math.max(1, Math.min(diagnostic.span.end - diagnostic.span.start, text.length - at));
  const indent = text.slice(0, at).replaceAll(/[^\t]/g, " ");
  return `${head}\n  ${text}\n  ${indent}${"^".repeat(width)}`;
}

/** The part of a line that is shown, and the position of its first character in the line. */
function clipped(line: string, at: number): { readonly text: string; readonly from: number } {
  if (line.length <= LINE_LIMIT) return { text: line, from: 0 };
  let start = Math.max(0, Math.min(at - BEFORE, line.length - LINE_LIMIT));
  let end = Math.min(line.length, start + LINE_LIMIT);
  if (isInsidePair(line, start)) start--;
  if (isInsidePair(line, end)) end++;
  const [left, right] = [start > 0 ? "…" : "", end < line.length ? "…" : ""];
  return { text: left + line.slice(start, end) + right, from: start - left.length };
}

/** Whether a cut there would part the halves of a surrogate pair. */
function isInsidePair(text: string, at: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));
}
