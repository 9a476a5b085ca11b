import type { EngineName } from "./contender.ts";
import { geometricMean } from "./timing.ts";

export interface Row {
  readonly program: string;
  readonly mapFree: boolean;
  /** Nanoseconds of one run, by engine. */
  readonly times: ReadonlyMap<EngineName, number>;
  /** Why an engine has no time, and whatever else is to be said. */
  readonly notes: readonly string[];
}

/** The row that shows what a run costs by itself, and counts in no mean. */
const OVERHEAD = "tiny";
/** The ratio to Linux above which a row is marked. */
const SLOW = 1.25;
const WIDTH = 16;

export const HEAD = lineOf([
  "program",
  "live ns",
  "native ns",
  "interp ns",
  "jit ns",
  "jit/live",
  "jit/native",
]);

export function rowText({ program, times, notes }: Row): string {
  const ratio = ratioOf(times, "jit", "live");
  const cells = [
    program,
    ...(["live", "native", "interp", "jit"] as const).map((engine) => nanoseconds(times.get(engine))),
    factor(ratio),
    factor(ratioOf(times, "jit", "native")),
  ];
  const mark = program !== OVERHEAD && ratio !== null && ratio > SLOW ? `  > ${SLOW}` : "";
  return `${lineOf(cells).trimEnd()}${mark}\n${notes.map((note) => `    ${note}\n`).join("")}`;
}

/** Geometric means over programs that do something. */
export function meansText(rows: readonly Row[]): string {
  const counted = rows.filter(({ program }) => program !== OVERHEAD);
  const overhead = rows.find(({ program }) => program === OVERHEAD);
  const free = counted.filter(({ mapFree }) => mapFree);
  const lines = [
    meanLine("jit/live, all", counted, "jit", "live"),
    meanLine("jit/live, map-free", free, "jit", "live"),
    meanLine(
      "jit/live, with maps",
      counted.filter(({ mapFree }) => !mapFree),
      "jit",
      "live",
    ),
    overhead === undefined ? "" : meanLine("jit/live, less tiny", lessen(counted, overhead), "jit", "live"),
    meanLine("jit/native, map-free", free, "jit", "native"),
    meanLine("native/live, map-free", free, "native", "live"),
    meanLine("interp/jit, all", counted, "interp", "jit"),
  ];
  const slow = counted.filter(({ times }) => (ratioOf(times, "jit", "live") ?? 0) > SLOW);
  const names = slow.length === 0 ? "none" : slow.map(({ program }) => program).join(", ");
  return `geometric means\n${lines.join("")}above ${SLOW} of Linux's time: ${names}\n`;
}

/** Rows without what a run costs by itself. */
function lessen(rows: readonly Row[], overhead: Row): Row[] {
  const less = ([engine, time]: readonly [EngineName, number]) =>
    [engine, Math.max(0.1, time - (overhead.times.get(engine) ?? 0))] as const;
  return rows.map((row) => ({ ...row, times: new Map([...row.times].map(less)) }));
}

function meanLine(title: string, rows: readonly Row[], of: EngineName, to: EngineName): string {
  const ratios = rows.map(({ times }) => ratioOf(times, of, to)).filter((ratio) => ratio !== null);
  if (ratios.length === 0) return "";
  return `  ${title.padEnd(24)}${geometricMean(ratios).toFixed(2).padStart(6)}  of ${ratios.length}\n`;
}

function ratioOf(times: Row["times"], of: EngineName, to: EngineName): number | null {
  const [a, b] = [times.get(of), times.get(to)];
  return a === undefined || b === undefined || b === 0 ? null : a / b;
}

/** What Node's JSON.stringify can take. */
export function jsonOf({ program, mapFree, times, notes }: Row): object {
  return { program, mapFree, nanoseconds: Object.fromEntries(times), notes };
}

function nanoseconds(time: number | undefined): string {
  if (time === undefined) return "-";
  return time < 100 ? time.toFixed(1) : time.toFixed(0);
}

const factor = (ratio: number | null) => (ratio === null ? "-" : ratio.toFixed(2));

function lineOf([name, ...cells]: readonly string[]): string {
  return `${name!.padEnd(WIDTH)}${cells.map((cell) => cell.padStart(11)).join("")}`;
}
