import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../../src/base/index.ts";
import { readCaseFile } from "../../verifier/support/case-file.ts";
import { differenceText } from "../../verifier/support/difference-text.ts";
import { whileUnprivilegedMayLoad } from "../../verifier/support/unprivileged-loads.ts";
import type { VerifierCase } from "../../verifier/support/verifier-case.ts";
import { openVerifier, VERIFIERS } from "../../verifier/support/verifiers.ts";
import {
  classOfTrial,
  forgiving,
  LONGEST,
  type Trial,
  type TrialQuestion,
  tryProgram,
} from "./differential.ts";
import {
  generatedSubjects,
  mutatedSubjects,
  type Subject,
  type SubjectSource,
  splicedSubjects,
} from "./subject.ts";

const USAGE = `usage: npm run fuzz -- verifier [--mutated|--spliced] [--seconds N] [--count N] [--seed N] [--from N] [--by ${VERIFIERS.join("|")}] [--out FOLDER]
       npm run fuzz -- verifier --show INDEX [--mutated|--spliced] [--seed N]
       npm run fuzz -- verifier --replay FILE|INDEX [--by …]     what both say, side by side (the kernel right)
Puts random programs to the running kernel (Linux 6.18, as root) and to a verifier, and sorts what they say differently
into classes; the first programs of each class are made small and kept as cases in FOLDER (.cache/fuzz/verifier).
--mutated takes the cases of testdata/verifier and of ../shared/groundtruth instead, with small changes: other registers,
numbers, helpers, maps, types, rights. --spliced puts two cases together: one after the other, one in the other, in a loop,
in a section, as a callback. --unprivileged lets anyone load programs meanwhile
(kernel.unprivileged_bpf_disabled is 0, and then what it was); without it, loaders have CAP_BPF at least.
--messages lists what the kernel says to the programs that it refuses. Exit code: 0 no differences, 1 some, 2 cannot.
`;
/** Programs that are kept of each class. */
const KEPT = 2;
const SHRINKING = 15_000;
/** Slots: longer ones are not put to the kernel that everything runs on. */
const LONGEST_PROGRAM = 4000;
/** Of so many programs one is compared by its log at level 2, and one by the program after fixups. */
const LEVEL2_ONE_IN = 8;
const XLATED_ONE_IN = 4;

/** `npm run fuzz -- verifier …` */
export async function fuzzVerifier(argv: readonly string[]): Promise<number> {
  const options = optionsOf(argv);
  if (typeof options === "string") {
    process.stderr.write(options === "" ? USAGE : `fuzz verifier: ${options}\n${USAGE}`);
    return options === "" ? 0 : 2;
  }
  const seed = Number(options.seed ?? 1);
  const source = sourceOf(options, seed);
  if (options.show !== undefined) {
    process.stdout.write(source.at(Number(options.show)).text);
    return 0;
  }
  const kernel = await openVerifier("live");
  if (typeof kernel === "string") return cannot(kernel);
  const name = options.by ?? VERIFIERS[0]!;
  const ours = name === "live" ? kernel : await openVerifier(name, { complexityLimit: LONGEST });
  if (typeof ours === "string") return cannot(ours);
  const [theirs, mine] = [forgiving(kernel.verifier), forgiving(ours.verifier)];
  const attempt: Attempt = (test, what) => tryProgram(test, theirs, mine, kernel.types!, what);
  if (options.replay !== undefined) {
    const cases = /^\d+$/.test(options.replay)
      ? [source.at(Number(options.replay)).test]
      : readCaseFile(readFileSync(options.replay, "utf8"), options.replay, "replay");
    for (const test of cases) {
      const { result } = await attempt(test, { level2: true, xlated: true, index: 0 });
      const width = process.stdout.columns ?? 200;
      process.stdout.write(
        result === null
          ? `${test.name}: not compared: too long, of a kind or with rights that this kernel permits nobody, or it may crash it\n`
          : differenceText(result, kernel.types, width),
      );
    }
    return 0;
  }
  const run = new Run(source, seed, resolve(options.out ?? ".cache/fuzz/verifier"), attempt);
  const from = Number(options.from ?? 0);
  const seconds =
    options.seconds !== undefined ? Number(options.seconds) : options.count === undefined ? 60 : Infinity;
  const go = async () =>
    run.go(from, from + Number(options.count ?? Infinity), performance.now() + seconds * 1000);
  const hindered = options.unprivileged === true ? await whileUnprivilegedMayLoad(go) : await go();
  if (typeof hindered === "string") return cannot(hindered);
  process.stdout.write(run.report(options.messages === true));
  return run.differing > 0 ? 1 : 0;
}

function sourceOf(
  { mutated, spliced }: { readonly mutated?: boolean; readonly spliced?: boolean },
  seed: number,
): SubjectSource {
  if (mutated === true) return mutatedSubjects(seed, LONGEST_PROGRAM);
  return spliced === true ? splicedSubjects(seed) : generatedSubjects(seed);
}

type Attempt = (test: VerifierCase, what: TrialQuestion) => Promise<Trial>;

class Run {
  readonly #source: SubjectSource;
  readonly #seed: number;
  readonly #folder: string;
  readonly #try: Attempt;
  readonly #classes = new Map<string, { count: number; readonly kept: string[] }>();
  readonly #messages = new Map<string, number>();
  #programs = 0;
  #accepted = 0;
  #processed = 0;
  #left = 0;
  #instructions = 0;
  #started = performance.now();
  differing = 0;

  constructor(source: SubjectSource, seed: number, folder: string, attempt: Attempt) {
    this.#source = source;
    this.#seed = seed;
    this.#folder = folder;
    this.#try = attempt;
  }

  async go(from: number, to: number, until: number): Promise<void> {
    for (let index = from; index < to && performance.now() < until; index++) {
      const subject = this.#source.at(index);
      const title = await this.#one(subject, index);
      if (title === null) continue;
      this.differing++;
      const known = this.#classes.get(title) ?? { count: 0, kept: [] };
      this.#classes.set(title, known);
      known.count++;
      if (known.kept.length >= KEPT) continue;
      const left = Math.min(performance.now() + SHRINKING, until + SHRINKING);
      known.kept.push(this.#keep(await this.#shrunk(subject, title, left), title, index));
    }
  }

  report(messages: boolean): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const percent = (part: number) => `${((part / Math.max(1, this.#programs)) * 100).toFixed(2)} %`;
    const lines = [
      `${this.#programs} programs in ${seconds.toFixed(0)} s (seed ${this.#seed}), ${percent(this.#accepted)} accepted, ` +
        `${(this.#instructions / Math.max(1, this.#programs)).toFixed(0)} instructions and ` +
        `${(this.#processed / Math.max(1, this.#programs)).toFixed(0)} processed on average, ${this.#left} not compared (too long, or no right to load)`,
      `${this.differing} differ (${percent(this.differing)})`,
    ];
    for (const [title, { count, kept }] of [...this.#classes].sort((a, b) => b[1].count - a[1].count)) {
      lines.push(`${String(count).padStart(6)}  ${title}`, ...kept.map((path) => `        ${path}`));
    }
    if (messages) {
      lines.push("what the kernel says:");
      for (const [message, count] of [...this.#messages].sort((a, b) => b[1] - a[1])) {
        lines.push(`${String(count).padStart(6)}  ${message}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  async #one({ test }: Subject, index: number): Promise<string | null> {
    const trial = await this.#try(test, {
      level2: index % LEVEL2_ONE_IN === 0,
      xlated: index % XLATED_ONE_IN === 0,
      index,
    });
    this.#programs++;
    this.#instructions += test.insns.length / 8;
    this.#processed += trial.processed;
    if (trial.accepted) this.#accepted++;
    else {
      const message = trial.message.replaceAll(/-?\b(0x[0-9a-f]+|\d+)\b/g, "N").replaceAll(/\bR\d+/g, "RN");
      this.#messages.set(message, (this.#messages.get(message) ?? 0) + 1);
    }
    if (trial.result === null) this.#left++;
    return classOfTrial(trial);
  }

  async #shrunk(subject: Subject, title: string, until: number): Promise<Subject> {
    const kind = title.split(":")[0];
    // Only what shows the difference is asked for: the rest costs most of the time.
    const what = { level2: kind === "level 2", xlated: kind === "xlated", index: 0 };
    const interesting = async (test: VerifierCase) =>
      classOfTrial(await this.#try(test, what))?.split(":")[0] === kind;
    return subject.shrunk(interesting, until);
  }

  #keep(subject: Subject, title: string, index: number): string {
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, `${this.#seed}-${index}.txt`);
    writeFileSync(path, `# ${title}\n${subject.text}`);
    return relative(process.cwd(), path);
  }
}

function cannot(why: string): number {
  process.stderr.write(`fuzz verifier: ${why}\n`);
  return 2;
}

function optionsOf(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: "string" },
        seconds: { type: "string" },
        count: { type: "string" },
        from: { type: "string" },
        replay: { type: "string" },
        show: { type: "string" },
        by: { type: "string" },
        out: { type: "string" },
        messages: { type: "boolean" },
        mutated: { type: "boolean" },
        spliced: { type: "boolean" },
        unprivileged: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) return "";
    for (const name of ["seed", "seconds", "count", "from", "show"] as const) {
      const text = values[name];
      if (text !== undefined && !/^\d+$/.test(text))
        return `--${name}: expected a whole number, got '${text}'`;
    }
    if (values.by !== undefined && !VERIFIERS.includes(values.by))
      return `there is no verifier '${values.by}'`;
    return values;
  } catch (error) {
    return messageOf(error);
  }
}
