import { errnoName } from "../../../src/uapi/index.ts";
import { type CaseResult, errorLine } from "./compare.ts";

/** Cases whose answers differ in the same way. */
export interface ResultClass {
  readonly title: string;
  readonly results: readonly CaseResult[];
}

/** The classes of all results that are not as recorded: the worst kinds first, and of a kind the largest. */
export function classesOf(results: readonly CaseResult[]): ResultClass[] {
  const classes = new Map<string, CaseResult[]>();
  for (const result of results) {
    const title = classOf(result);
    if (title === null) continue;
    const list = classes.get(title);
    if (list === undefined) classes.set(title, [result]);
    else list.push(result);
  }
  return [...classes]
    .map(([title, each]) => ({ title, results: each }))
    .sort((a, b) => rank(a.title) - rank(b.title) || b.results.length - a.results.length);
}

const ORDER = [
  "crash",
  "accepts what Linux rejects",
  "rejects what Linux accepts",
  "errno",
  "error line",
  "messages",
  "processed",
  "xlated",
  "runs",
  "level 1",
  "level 2",
];

function rank(title: string): number {
  const index = ORDER.findIndex((start) => title.startsWith(start));
  return index < 0 ? ORDER.length : index;
}

/** What kind of difference a result has first; null where it has none. */
export function classOf({ differences, recorded, answers }: CaseResult): string | null {
  const [first] = differences;
  if (first === undefined) return null;
  const { record } = recorded;
  switch (first.check) {
    case "crash":
      return `crash: ${general(first.ours)}`;
    case "verdict":
      return record!.errno !== 0
        ? `accepts what Linux rejects: ${general(errorLine(record!.stats ?? record!.level1 ?? ""))}`
        : `rejects what Linux accepts: ${general(errorLine(answers.level1?.log ?? ""))}`;
    case "errno":
      return `errno: ${errnoName(Number(first.theirs))} in Linux, ${errnoName(Number(first.ours))} here`;
    case "processed":
      return "processed";
    case "runs":
      return answers.level1?.notRun === undefined ? "runs" : `runs: ${general(first.ours)}`;
    default:
      return `${first.check}: Linux: ${general(first.theirs)} │ here: ${general(first.ours)}`;
  }
}

/** A line without what is the single case's: numbers, names in quotes, the instruction's bytes. */
function general(line: string): string {
  return line
    .replace(/^[0-9a-f]{16} \d+: /, "")
    .replaceAll(/0x[0-9a-f]+|\b\d+\b/g, "N")
    .replaceAll(/\b([rwR])\d+\b/g, "$1N")
    .replaceAll(/-N\b/g, "N")
    .replaceAll(/\s+/g, " ")
    .slice(0, 160);
}
