/** A half-open range `[start, end)` of UTF-16 positions in a source text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Line and column, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A source text with its name, able to turn positions into lines and columns. */
export class SourceText {
  /** A file name, or a name in angle brackets for text that is in no file: `<stdin>`. */
  readonly name: string;
  readonly text: string;
  #lineStarts: number[] | undefined;

  constructor(text: string, name = "<input>") {
    this.text = text;
    this.name = name;
  }

  position(offset: number): Position {
    const starts = (this.#lineStarts ??= lineStartsOf(this.text));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }

  /** The text of a line (from 1), without its line break. Empty past the end. */
  line(line: number): string {
    const starts = (this.#lineStarts ??= lineStartsOf(this.text));
    const start = starts[line - 1];
    if (start === undefined) return "";
    return this.text.slice(start, starts[line] ?? this.text.length).replace(/\r?\n$/, "");
  }
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
