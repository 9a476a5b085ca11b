import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { LogSource } from "./log-model.ts";

/** Where instructions come from, as a program's line records say it: in the order of their slots. */
export interface LineRecord {
  readonly slot: number;
  readonly file: string;
  /** The line's text. */
  readonly line: string;
  readonly lineNumber: number;
  readonly column: number;
}

/** The same explanation with places from the program's own records: whole paths and columns, which no log has. */
export function located(explanation: Explanation, records: readonly LineRecord[]): Explanation {
  if (records.length === 0) return explanation;
  const place = (step: ExplanationStep): ExplanationStep => ({
    ...step,
    source: sourceAt(records, step.instruction) ?? step.source,
  });
  const { instruction, source } = explanation;
  return {
    ...explanation,
    source: (instruction === null ? null : sourceAt(records, instruction.index)) ?? source,
    why: explanation.why.map(place),
  };
}

function sourceAt(records: readonly LineRecord[], slot: number): LogSource | null {
  const record = records.findLast((each) => each.slot <= slot);
  if (record === undefined || record.lineNumber === 0) return null;
  const { line, column } = record;
  const place = { text: line.trim(), file: record.file.replace(/^\.\//, ""), line: record.lineNumber };
  if (column <= 0) return { ...place, column: null };
  const offset = column - 1 - (line.length - line.trimStart().length);
  // A line that the file no longer has as it was compiled tells no place in it.
  return offset < 0 || offset >= place.text.length ? { ...place, column } : { ...place, column, offset };
}
