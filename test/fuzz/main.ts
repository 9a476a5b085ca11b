import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { isMainThread } from "node:worker_threads";
import { fuzzEngines } from "./engines/main.ts";
import { serveSlice } from "./engines/worker.ts";
import { type FuzzOptions, optionsOf, USAGE } from "./options.ts";
import { judge } from "./oracle.ts";
import { addTo, keep, newTally, tableOf } from "./report.ts";
import { Runner } from "./runner.ts";
import { inputOf } from "./slice.ts";
import type { Target } from "./target.ts";
import { targetNamed } from "./targets/index.ts";
import { fuzzVerifier } from "./verifier/main.ts";
import { serve } from "./worker.ts";

/** How long a target has its turn. */
const TURN = 400;

if (isMainThread) {
  const argv = process.argv.slice(2);
  process.exitCode = await command(argv);
} else serve();

function command(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "verifier") return fuzzVerifier(rest);
  if (name === "engines") return fuzzEngines(rest);
  // How the fuzzer of engines starts its own processes.
  return name === "engines-slice" ? serveSlice(rest[0]!) : main(argv);
}

async function main(argv: readonly string[]): Promise<number> {
  const options = optionsOf(argv);
  if (typeof options === "string") {
    if (options === "") {
      process.stdout.write(USAGE);
      return 0;
    }
    process.stderr.write(`fuzz: ${options}\n${USAGE}`);
    return 2;
  }
  return options.replay === undefined
    ? fuzz(options)
    : replay(options.replay, targetNamed(options.targets[0]!)!, options.seed);
}

async function fuzz(options: FuzzOptions): Promise<number> {
  const folder = resolve(options.out);
  const tallies = options.targets.map(newTally);
  const quota = Math.ceil(options.count / tallies.length);
  const start = performance.now();
  const left = (): number => options.seconds * 1000 - (performance.now() - start);
  const findings: string[] = [];
  const runner = new Runner((finding) => {
    tallies.find(({ target }) => target === finding.target)!.findings++;
    const path = relative(process.cwd(), keep(folder, finding, options.seed));
    findings.push(`${finding.target}: ${finding.problem.signature}\n  ${path}`);
  });
  for (
    let open = tallies;
    open.length > 0 && left() > 0;
    open = open.filter(({ inputs }) => inputs < quota)
  ) {
    for (const tally of open) {
      if (left() <= 0) break;
      const { target, inputs } = tally;
      const share = left() / (open.length * 2);
      const milliseconds = Math.max(20, Math.min(TURN, share));
      progress(
        tallies.reduce((sum, each) => sum + each.inputs, 0),
        findings.length,
        start,
        target,
      );
      const { seed } = options;
      addTo(tally, await runner.run({ seed, target, from: inputs, count: quota - inputs, milliseconds }));
    }
  }
  await runner.close();
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`${tableOf(tallies)}seed ${options.seed}, ${seconds.toFixed(1)} s\n`);
  if (findings.length === 0) return 0;
  process.stdout.write(`\n${findings.length} findings in ${relative(process.cwd(), folder)}:\n`);
  for (const finding of findings) process.stdout.write(`- ${finding}\n`);
  return 1;
}

function progress(inputs: number, findings: number, start: number, target: string): void {
  if (!process.stderr.isTTY) return;
  const seconds = Math.round((performance.now() - start) / 1000);
  process.stderr.write(`\r\u001b[K${seconds} s  ${inputs} inputs  ${findings} findings  ${target}`);
}

function replay(which: string, target: Target, seed: number): number {
  Error.stackTraceLimit = 40;
  const input = /^\d+$/.test(which)
    ? inputOf(target, target.corpus(), seed, Number(which))
    : new Uint8Array(readFileSync(which));
  const { accepted, milliseconds, problem } = judge(target, input);
  process.stdout.write(
    `${input.length} bytes, ${accepted ? "accepted" : "refused"} in ${milliseconds.toFixed(1)} ms\n`,
  );
  if (problem === undefined) return 0;
  process.stdout.write(`${problem.signature}\n${problem.description}\n`);
  return 1;
}
