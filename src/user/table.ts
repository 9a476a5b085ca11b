/** A column of a table. */
export interface Column {
  readonly name: string;
  /** Numbers stand right. */
  readonly right: boolean;
}

/** How a table is laid out. */
export interface TableOptions {
  /** Columns of the terminal; Infinity for no limit. What does not fit is left out, the last columns first. */
  readonly width: number;
  /** Blanks in front of every line. */
  readonly indent?: number;
  /** Dresses the headings, for colour. */
  readonly heading?: (text: string) => string;
}

const GAP = "  ";

/** A table as text, and the names of columns that had no room. */
export interface TableText {
  readonly text: string;
  readonly hidden: readonly string[];
}

/** Rows of cells as lines with headings. The first column is always there, whatever the width. */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): TableText {
  const indent = " ".repeat(options.indent ?? 0);
  const heading = options.heading ?? ((text: string) => text);
  const widths = columns.map(({ name }, at) =>
    rows.reduce((most, row) => Math.max(most, row[at]!.length), name.length),
  );
  const shown = fitting(widths, options.width - indent.length);
  const line = (cells: readonly string[]) =>
    cells
      .slice(0, shown)
      .map((cell, at) => (columns[at]!.right ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join(GAP)
      .trimEnd();
  const head = heading(line(columns.map(({ name }) => name)));
  return {
    text: [head, ...rows.map(line)].map((text) => `${indent}${text}\n`).join(""),
    hidden: columns.slice(shown).map(({ name }) => name),
  };
}

/** How many columns have room. */
function fitting(widths: readonly number[], width: number): number {
  let used = 0;
  for (const [at, each] of widths.entries()) {
    used += each + (at === 0 ? 0 : GAP.length);
    if (used > width && at > 0) return at;
  }
  return widths.length;
}
