import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { caseText, readCase } from "./case-text.ts";
import { inputsOf } from "./input.ts";
import { withLaboratories } from "./laboratories.ts";
import { type EngineFuzzOptions, optionsOf, USAGE } from "./options.ts";
import { programOf, type Slice, type SliceResult, titleOf } from "./slice.ts";
import { tryProgram } from "./trial.ts";
import type { WorkerAnswer } from "./worker.ts";

/** Programs of one process: Wasm modules pile up in it. */
const PROGRAMS_PER_PROCESS = 3000;
/** How much longer than it should a process may take before it counts as hanging. */
const PATIENCE = 60_000;
/** Nor longer than this for its programs. */
const LONGEST_SLICE = 300_000;
/** Many functions of a program are never run. */
const WORKER_OPTIONS = ["--wasm-lazy-compilation"];
/** Cases that are kept of each title. */
const KEPT = 3;

/** `npm run fuzz -- engines …` */
export async function fuzzEngines(argv: readonly string[]): Promise<number> {
  const options = optionsOf(argv);
  if (typeof options === "string") {
    (options === "" ? process.stdout : process.stderr).write(
      options === "" ? USAGE : `fuzz engines: ${options}\n${USAGE}`,
    );
    return options === "" ? 0 : 2;
  }
  if (options.show !== undefined || options.replay !== undefined) return one(options);
  return new Run(options).go();
}

/** Shows a program, or runs it. */
async function one({ seed, live, wild, runs, show, replay }: EngineFuzzOptions): Promise<number> {
  const numbered = (index: number) => ({
    note: "",
    program: programOf({ seed, live, wild }, index),
    seed,
    index,
    runs,
  });
  if (show !== undefined) {
    process.stdout.write(caseText(numbered(show)));
    return 0;
  }
  const test = /^\d+$/.test(replay!) ? numbered(Number(replay)) : readCase(readFileSync(replay!, "utf8"));
  const inputs = inputsOf(test.seed, test.index, test.runs);
  const trials = await withLaboratories({ live, wild }, ([first, ...others]) =>
    others.map((other) => tryProgram(test.program, inputs, [first!, other])),
  );
  if (trials instanceof Error) return cannot(trials.message);
  const [{ fault, refused }] = trials as [(typeof trials)[number]];
  if (fault !== null || refused !== null) process.stdout.write(`${refused ?? `fault: ${fault}`}\n`);
  const differences = trials.flatMap(({ difference }) => (difference === null ? [] : [difference]));
  for (const difference of differences) {
    const { run, expected, got } = difference;
    process.stdout.write(`${titleOf(difference)} in run ${run}: expected ${expected}, got ${got}\n`);
  }
  if (differences.length === 0) process.stdout.write("no difference\n");
  return differences.length === 0 ? 0 : 1;
}

class Run {
  readonly #options: EngineFuzzOptions;
  readonly #folder: string;
  readonly #start = performance.now();
  readonly #titles = new Map<string, { count: number; readonly kept: string[] }>();
  readonly #refused = new Map<string, number>();
  readonly #features = new Map<string, number>();
  #next: number;
  #programs = 0;
  #instructions = 0;
  #faults = 0;
  #why: string | null = null;

  constructor(options: EngineFuzzOptions) {
    this.#options = options;
    this.#folder = resolve(options.out);
    this.#next = options.from;
  }

  async go(): Promise<number> {
    await Promise.all(Array.from({ length: this.#options.jobs }, () => this.#work()));
    if (this.#why !== null) return cannot(this.#why);
    process.stdout.write(this.#report());
    return this.#titles.size > 0 ? 1 : 0;
  }

  /** One process after the other, as long as there are programs and time. */
  async #work(): Promise<void> {
    const { seed, from, count, runs, live, wild } = this.#options;
    while (this.#why === null && this.#left() > 0 && this.#next < from + count) {
      const size = Math.min(PROGRAMS_PER_PROCESS, from + count - this.#next);
      const milliseconds = Math.min(this.#left(), LONGEST_SLICE);
      const slice: Slice = { seed, from: this.#next, count: size, runs, live, wild, milliseconds };
      this.#next += size;
      const answer = await answerOf(slice);
      if (typeof answer === "string") this.#note(answer, `programs from ${slice.from}`, null);
      else if (answer.kind === "cannot") this.#why = answer.why;
      else this.#add(answer.result);
      this.#progress();
    }
  }

  #left(): number {
    return this.#options.seconds * 1000 - (performance.now() - this.#start);
  }

  #add({ programs, instructions, faults, refused, found, features }: SliceResult): void {
    this.#programs += programs;
    this.#instructions += instructions;
    this.#faults += faults;
    addTo(this.#refused, refused);
    addTo(this.#features, features);
    for (const { index, title, text } of found) this.#note(title, String(index), text);
  }

  #note(title: string, name: string, text: string | null): void {
    const known = this.#titles.get(title) ?? { count: 0, kept: [] };
    this.#titles.set(title, known);
    known.count++;
    if (text === null || known.kept.length >= KEPT) {
      if (text === null) known.kept.push(name);
      return;
    }
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, `${this.#options.seed}-${name}.txt`);
    writeFileSync(path, text);
    known.kept.push(relative(process.cwd(), path));
  }

  #progress(): void {
    if (!process.stderr.isTTY) return;
    const seconds = Math.round((performance.now() - this.#start) / 1000);
    process.stderr.write(`\r\u001b[K${seconds} s  ${this.#programs} programs  ${this.#titles.size} findings`);
  }

  /** How many programs have what. */
  #table(): readonly string[] {
    const features = [...this.#features].sort(([one], [other]) => (one < other ? -1 : 1));
    return features.map(([name, count]) => {
      const share = (100 * count) / this.#programs;
      return `${String(count).padStart(9)} ${share.toFixed(1).padStart(6)} %  ${name}`;
    });
  }

  #report(): string {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    const { seed, runs, live, wild, from } = this.#options;
    const seconds = (performance.now() - this.#start) / 1000;
    const mean = this.#instructions / Math.max(1, this.#programs);
    const lines = [
      `${this.#programs} programs × ${runs} inputs in ${seconds.toFixed(0)} s (seed ${seed}, from ${from}${live ? ", live" : wild ? ", wild" : ""}), ` +
        `${mean.toFixed(0)} instructions on average; ${this.#faults} ended with a fault`,
    ];
    for (const [message, count] of this.#refused) lines.push(`${count} refused: ${message}`);
    if (this.#options.stats) lines.push(...this.#table());
    if (this.#titles.size === 0) lines.push("no differences");
    for (const [title, { count, kept }] of this.#titles)
      lines.push(`${count}  ${title}`, ...kept.map((path) => `   ${path}`));
    return `${lines.join("\n")}\n`;
  }
}

function addTo(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
}

/** What came of a slice in a process of its own; a sentence where the process died or hung. */
function answerOf(slice: Slice): Promise<WorkerAnswer | string> {
  return new Promise((resolve) => {
    const child: ChildProcess = fork(process.argv[1]!, ["engines-slice", JSON.stringify(slice)], {
      execArgv: [...process.execArgv, ...WORKER_OPTIONS],
    });
    let answer: WorkerAnswer | string = "a process ended without an answer";
    const timer = setTimeout(() => {
      answer = "a process hangs";
      child.kill("SIGKILL");
    }, slice.milliseconds + PATIENCE);
    child.on("message", (message) => {
      answer = message as WorkerAnswer;
    });
    child.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

function cannot(why: string): number {
  process.stderr.write(`fuzz engines: ${why}\n`);
  return 2;
}
