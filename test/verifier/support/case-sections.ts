import { CaseError } from "./case-words.ts";

export interface Entry {
  readonly key: string;
  /** Text behind the colon, or the indented lines below. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export interface Section {
  /** Empty: what stands before the first case. */
  readonly name: string;
  readonly line: number;
  readonly entries: readonly Entry[];
  /** All of it. */
  readonly text: string;
}

/** Keys that may stand with nothing behind them: a label of the code cannot have such a name. */
const ENDS_CODE: ReadonlySet<string> = new Set(["code", "types", "run", "xlated", "log", "log 1", "log 2"]);

/**
 * Cuts a file into sections at `=== NAME`, and those into `key: value` entries; a value may go on in indented lines.
 * `#` in the first column begins a comment; in `code`, labels may stand there too.
 */
export function sectionsOf(
  text: string,
  file: string,
): { readonly preamble: Section; readonly cases: readonly Section[] } {
  const lines = text.split("\n");
  const starts = lines.flatMap((line, at) => (line.startsWith("=== ") ? [at] : []));
  const cut = (from: number, to: number, name: string): Section => ({
    name,
    line: from + 1,
    entries: entriesOf(lines, name === "" ? from : from + 1, to, file),
    text: lines.slice(from, to).join("\n").trimEnd(),
  });
  const cases = starts.map((start, index) =>
    cut(start, starts[index + 1] ?? lines.length, lines[start]!.slice(4).trim()),
  );
  const names = new Set<string>();
  for (const { name, line } of cases) {
    if (names.has(name)) throw new CaseError(file, line, `a second case is called '${name}'`);
    names.add(name);
  }
  return { preamble: cut(0, starts[0] ?? lines.length, ""), cases };
}

function entriesOf(lines: readonly string[], from: number, to: number, file: string): Entry[] {
  const entries: { key: string; value: string[]; line: number }[] = [];
  for (let at = from; at < to; at++) {
    const line = lines[at]!;
    if (line.startsWith("#")) continue;
    if (line.trim() === "" || /^\s/.test(line)) {
      if (entries.length === 0 && line.trim() !== "") {
        throw new CaseError(file, at + 1, "an indented line that belongs to nothing");
      }
      entries.at(-1)?.value.push(line);
      continue;
    }
    const match = /^([\w -]+):\s?(.*)$/.exec(line);
    const above = entries.at(-1);
    // A label of the code may stand in the first column.
    if (above?.key === "code" && match?.[2] === "" && !ENDS_CODE.has(match[1]!)) {
      above.value.push(line);
      continue;
    }
    if (match === null) throw new CaseError(file, at + 1, `expected 'key: value', got '${line}'`);
    entries.push({ key: match[1]!, value: [match[2]!], line: at + 1 });
  }
  return entries.map(({ key, value, line }) => {
    // Of a block, the line of the key says nothing: line 1 of the block is the first below it.
    const [head, ...rest] = value;
    const block = rest.join("\n").trimEnd();
    return { key, value: head!.trim() === "" ? block : `${head}${block === "" ? "" : `\n${block}`}`, line };
  });
}
