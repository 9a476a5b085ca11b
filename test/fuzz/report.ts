import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hexOf } from "../../src/base/index.ts";
import type { Finding, SliceResult } from "./slice.ts";

/** What was done to one target so far. */
export interface Tally {
  readonly target: string;
  inputs: number;
  accepted: number;
  runs: number;
  /** In milliseconds. */
  slowest: number;
  /** Number of the slowest input. */
  slowestIndex: number;
  /** In bytes. */
  largest: number;
  findings: number;
  repeated: number;
}

export function newTally(target: string): Tally {
  return {
    target,
    inputs: 0,
    accepted: 0,
    runs: 0,
    slowest: 0,
    slowestIndex: 0,
    largest: 0,
    findings: 0,
    repeated: 0,
  };
}

export function addTo(tally: Tally, result: SliceResult): void {
  tally.inputs += result.inputs;
  tally.accepted += result.accepted;
  tally.runs += result.runs;
  if (result.slowest > tally.slowest) {
    tally.slowest = result.slowest;
    tally.slowestIndex = result.slowestIndex;
  }
  tally.largest = Math.max(tally.largest, result.largest);
  tally.repeated += result.repeated;
}

/** The table at the end. */
export function tableOf(tallies: readonly Tally[]): string {
  const total = newTally("total");
  for (const tally of tallies) {
    addTo(total, tally);
    total.findings += tally.findings;
  }
  const heads = [
    "target",
    "inputs",
    "accepted",
    "refused",
    "runs",
    "slowest ms",
    "(input)",
    "largest MiB",
    "findings",
    "again",
  ];
  const rows = [...tallies, total].map((tally) => [
    tally.target,
    String(tally.inputs),
    String(tally.accepted),
    String(tally.inputs - tally.accepted),
    tally.runs === 0 ? "" : String(tally.runs),
    tally.slowest.toFixed(1),
    tally === total ? "" : String(tally.slowestIndex),
    (tally.largest / 2 ** 20).toFixed(1),
    String(tally.findings),
    String(tally.repeated),
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ");
  return [line(heads), ...rows.map(line), ""].join("\n");
}

/** Writes the input and a note about it into the folder, and gives the input's path. */
export function keep(folder: string, finding: Finding, seed: number): string {
  const { target, index, problem, input } = finding;
  const name = createHash("sha256").update(problem.signature).digest("hex").slice(0, 12);
  const place = join(folder, target);
  mkdirSync(place, { recursive: true });
  const path = join(place, `${name}.bin`);
  writeFileSync(path, input);
  const shown =
    input.length <= 256
      ? `\nhex: ${hexOf(input)}\ntext: ${JSON.stringify(Buffer.from(input).toString("utf8"))}`
      : "";
  writeFileSync(
    join(place, `${name}.txt`),
    `${problem.signature}\n\nseed ${seed}, target ${target}, input ${index}, ${input.length} bytes\n\n${problem.description}\n${shown}\n`,
  );
  return path;
}
