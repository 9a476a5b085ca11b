import type { BenchmarkResult, Spread } from "./frame.ts";

/** Results as people read them, a line for each candidate. */
export function tableOf(result: BenchmarkResult): string {
  const rows = result.candidates.map(({ name, time, ratio, absent }) => [
    `  ${name}`,
    time === null ? "absent" : duration(time.median),
    time === null ? (absent ?? "") : `${duration(time.least)} – ${duration(time.most)}`,
    ratio === null ? "" : `ours takes ${factor(ratio)}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    [row[0]!.padEnd(widths[0]!), row[1]!.padStart(widths[1]!), row[2]!.padEnd(widths[2]!), row[3]!]
      .join("  ")
      .trimEnd(),
  );
  return `${result.name}, for each ${result.operation}, median and range of ${result.rounds} rounds\n${lines.join("\n")}\n`;
}

function factor({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} of its time (${least.toFixed(2)} – ${most.toFixed(2)})`;
}

function duration(nanoseconds: number): string {
  if (nanoseconds < 1000) return `${nanoseconds.toPrecision(3)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toPrecision(3)} µs`;
  return `${(nanoseconds / 1e6).toFixed(2)} ms`;
}
