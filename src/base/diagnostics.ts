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

/**
 * A diagnostic as people read it: `NAME:LINE:COLUMN: error: message [CODE]`, the source line, and a line of
 * carets under the span. Tabs of the source line are kept, so that the carets stand where the eye expects them.
 */
export function renderDiagnostic(source: SourceText, diagnostic: Diagnostic): string {
  const { line, column } = source.position(diagnostic.span.start);
  const head = `${source.name}:${line}:${column}: ${diagnostic.severity}: ${diagnostic.message} [${diagnostic.code}]`;
  const text = source.line(line);
  if (text.length === 0) return head;
  const width = Math.max(1, Math.min(diagnostic.span.end - diagnostic.span.start, text.length - column + 1));
  const indent = text.slice(0, column - 1).replaceAll(/[^\t]/g, " ");
  return `${head}\n  ${text}\n  ${indent}${"^".repeat(width)}`;
}
