import type { Output } from "./io.ts";

/** How text for people is dressed: colours only where they are wanted. */
export interface Style {
  /** Columns to use; Infinity where it is no terminal that reads. */
  readonly width: number;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

const MIN_WIDTH = 40;

export function styleOf(output: Output): Style {
  const dress = (on: number, off: number) => (text: string) =>
    output.colour && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    width: output.isTerminal ? Math.max(MIN_WIDTH, output.columns) : Number.POSITIVE_INFINITY,
    bold: dress(1, 22),
    dim: dress(2, 22),
    good: dress(32, 39),
    bad: dress(31, 39),
  };
}
