import type { LineInfo, ProgramSpec } from "../object/index.ts";

/** Text that quotes files, logs and arguments, for a terminal: what would steer it is a replacement character. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n]/gu, "\ufffd");
}

/** Where the instructions of a program come from, with lines and paths that can be shown. */
export function printableLines(program: ProgramSpec | null): readonly LineInfo[] {
  return (program?.lineInfo ?? []).map((record) => ({
    ...record,
    file: printable(record.file),
    line: printable(record.line),
  }));
}
