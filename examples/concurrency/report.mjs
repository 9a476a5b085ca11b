// Tables and bars of concurrency.mjs: coloured on a terminal, plain text elsewhere.
import { countText } from "tsbpf/user";

const WIDTH = 36;
const terminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (terminal ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = (text) => paint(1, text);
const COLOURS = [36, 33];

/** Prints what was measured. */
export function report(kernels, { cpus, events, cores, notShown }) {
  console.log(bold(`${cpus} CPUs, each counts ${countText(events)} events in one map at the same time`));
  if (cores < cpus) console.log(`(this machine has ${cores}: CPUs take turns, and lose less)`);
  for (const { name, results } of kernels) {
    console.log(`\n${bold(name)}`);
    table(results);
  }
  console.log(`\n${bold("Cost of an event on one CPU, in nanoseconds")}`);
  bars(kernels);
  console.log("");
  for (const { name, refusal } of kernels) {
    console.log(
      `bpf_spin_lock in a tracing program, ${name}: ${refusal === null ? "loads" : `"${refusal}"`}`,
    );
  }
  if (notShown !== undefined) console.log(`The running kernel is not shown: ${notShown}`);
  else console.log("(the running kernel: BPF_PROG_TEST_RUN from a thread pinned to each CPU)");
}

function table(results) {
  const rows = results.map(({ name, what, total, counted, lost, nanoseconds }) => [
    name,
    what,
    countText(total),
    counted === null ? "" : countText(counted),
    lost === null ? "" : countText(lost),
    lost === null ? "" : `${((100 * lost) / total).toFixed(1)} %`,
    nanoseconds.toFixed(1),
  ]);
  const head = ["", "", "events", "counted", "lost", "", "ns/event"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
  console.log(`  ${line(head).join("  ")}`.trimEnd());
  for (const [i, row] of rows.entries()) {
    const cells = line(row);
    if (results[i].lost > 0) for (const place of [4, 5]) cells[place] = paint(31, cells[place]);
    console.log(`  ${cells.join("  ")}`);
  }
}

/** Bars of all ways, the kernels below one another. */
function bars(kernels) {
  const most = Math.max(...kernels.flatMap(({ results }) => results.map(({ nanoseconds }) => nanoseconds)));
  const names = kernels[0].results.map(({ name }) => name);
  const label = Math.max(...names.map(({ length }) => length));
  for (const name of names) {
    for (const [k, { results, name: kernel }] of kernels.entries()) {
      const result = results.find((each) => each.name === name);
      if (result === undefined) continue;
      const length = Math.max(1, Math.round((WIDTH * result.nanoseconds) / most));
      const bar = paint(COLOURS[k], (terminal ? "█" : "#").repeat(length)) + " ".repeat(WIDTH - length);
      console.log(
        `  ${(k === 0 ? name : "").padEnd(label)}  ${bar} ${result.nanoseconds.toFixed(1).padStart(6)}  ${kernel}`,
      );
    }
  }
}
