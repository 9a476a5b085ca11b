import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { HISTORY_KINDS, runHistory } from "./histories.ts";

const USAGE = `Usage: npm run stress -- [--seconds N] [--processes N] [--steps N] [--seed N] [--kind NAME]

Several executors look up, update and delete the same few keys of maps of every kind; what they saw is checked for an
order in which it can have happened. Ends with 1 at the first history that has none.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: "string", default: "60" },
      processes: { type: "string", default: "2" },
      steps: { type: "string", default: "50000" },
      seed: { type: "string", default: "1" },
      kind: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const kinds = HISTORY_KINDS.filter(({ name }) => values.kind === undefined || name === values.kind);
  const numbers = [values.seconds, values.processes, values.steps, values.seed].map(Number);
  if (values.help || kinds.length === 0 || numbers.some((number) => !(number > 0))) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const [seconds, processes, steps, first] = numbers as [number, number, number, number];
  // Bundled programs are run from the project's folder.
  const worker = pathToFileURL("test/maps/history-worker.ts");
  const end = performance.now() + seconds * 1000;
  const tally = new Map(kinds.map(({ name }) => [name, { operations: 0, overlaps: 0, rounds: 0 }]));
  for (let seed = first; performance.now() < end; seed++) {
    for (const kind of kinds) {
      const { operations, overlaps, violation } = await runHistory(kind, { steps, seed, processes, worker });
      const sum = tally.get(kind.name)!;
      sum.operations += operations;
      sum.overlaps += overlaps;
      sum.rounds++;
      if (violation === null) continue;
      process.stdout.write(
        `${kind.name}, seed ${seed}: no order explains\n${JSON.stringify(violation, null, 1)}\n`,
      );
      return 1;
    }
  }
  for (const [name, { operations, overlaps, rounds }] of tally) {
    const columns = [`${rounds} histories`, `${operations} operations`, `${overlaps} overlapped`];
    process.stdout.write(`${name.padEnd(42)} ${columns.map((text) => text.padStart(22)).join("")}\n`);
  }
  return 0;
}
