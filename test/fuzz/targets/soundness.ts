import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TsbpfError, textOf, utf8 } from "../../../src/base/index.ts";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { Errno } from "../../../src/uapi/index.ts";
import type { Fault } from "../../../src/vm/index.ts";
import { readCaseFile } from "../../verifier/support/case-file.ts";
import { CaseError } from "../../verifier/support/case-words.ts";
import { KernelTypes } from "../../verifier/support/kernel-types.ts";
import { CaseOnKernel } from "../../verifier/support/kernel-verifier.ts";
import { LogLevel } from "../../verifier/support/verifier-answer.ts";
import type { VerifierCase } from "../../verifier/support/verifier-case.ts";
import { ROOT } from "../corpus.ts";
import { demand } from "../oracle.ts";
import { packParts, unpackParts } from "../parts.ts";
import { Random } from "../random.ts";
import type { Target } from "../target.ts";
import { mutatedCase } from "../verifier/case-mutator.ts";
import { caseTextOf } from "../verifier/differential.ts";
import { generate } from "../verifier/generate.ts";
import { fillableMaps, runAtRandom } from "../verifier/random-runs.ts";
import { mutatedSubjects, type SubjectSource } from "../verifier/subject.ts";

const CASES = join(ROOT, "testdata", "verifier", "cases");
const LONGEST_CASE = 8192;
const INPUTS_PER_KERNEL = 1000;
/** Only a program that goes a little too far shows a verifier that lets it. */
const SLIP_ONE_IN = 6;
const LOG_SIZE = 64 * 1024;
/**
 * Programs that take the verifier long are refused: the time is better spent on others. Runs that take long end, with
 * what they did until then.
 */
const OPTIONS = { cpus: 2, seed: 1, clock: () => 1, budget: 50_000, complexityLimit: 8000 } as const;
/** Not the verifier's promise: how long a run is, and runs that something stops. */
const ALLOWED: ReadonlySet<string> = new Set(["budget", "interrupted"]);

/**
 * Programs that the verifier accepts, run on random input with every access checked: none may be refused one. An input
 * is a case file of one case, and the seed of its packets, contexts and elements of maps.
 */
export const soundness: Target = soundnessTarget();

function soundnessTarget(): Target {
  let kernel = new EmbeddedKernel(OPTIONS);
  let types: KernelTypes | undefined;
  let sources: Map<number, SubjectSource> | undefined;
  let uses = 0;
  let runs = 0;
  return {
    name: "soundness",
    milliseconds: 4000,
    get runs() {
      return runs;
    },
    corpus: () => caseTexts().map((text) => packParts([utf8(text), Uint8Array.of(1, 2, 3, 4)])),
    mutate(random, corpus) {
      const text = mutatedText(random, corpus);
      return packParts([utf8(text), Uint8Array.from({ length: 4 }, () => random.u32())]);
    },
    run(input) {
      const [text, seed] = unpackParts(input, 2) as [Uint8Array, Uint8Array];
      types ??= new KernelTypes(kernel.port.readFile("/sys/kernel/btf/vmlinux") as Uint8Array);
      if (++uses % INPUTS_PER_KERNEL === 0) kernel = new EmbeddedKernel(OPTIONS);
      for (const test of casesOf(textOf(text), (sources ??= new Map()))) {
        runs += runCase(kernel, types, test, new Random("runs", ...seed));
      }
    },
  };
}

function mutatedText(random: Random, corpus: readonly Uint8Array[]): string {
  switch (random.below(8)) {
    case 0:
    case 1:
      return mutatedCase(random, textOf(unpackParts(random.pick(corpus), 1)[0]!));
    case 2:
    case 3:
      return `mutated ${random.below(SEEDS)} ${random.u32()}\n`;
    default:
      return caseTextOf(generate(random, { runnable: true, slipOneIn: SLIP_ONE_IN }), "program");
  }
}

/** What `npm run fuzz -- verifier --mutated --seed N --show INDEX` shows; such an input is as small as it gets. */
const MUTATED = /^mutated (\d+) (\d+)\n$/;
const SEEDS = 4;
const LONGEST_PROGRAM = 4000;

function casesOf(text: string, sources: Map<number, SubjectSource>): readonly VerifierCase[] {
  const mutated = MUTATED.exec(text);
  if (mutated !== null) {
    const seed = Number(mutated[1]);
    const source = sources.get(seed) ?? mutatedSubjects(seed, LONGEST_PROGRAM);
    sources.set(seed, source);
    return [source.at(Number(mutated[2])).test];
  }
  try {
    return readCaseFile(text, "fuzz", "fuzz");
  } catch (error) {
    // The shrinker tries texts that are no cases.
    if (error instanceof CaseError) throw new TsbpfError(error.message, { cause: error });
    throw error;
  }
}

/** Loads and runs the case, as it says and at random. Gives the number of runs. */
function runCase(kernel: EmbeddedKernel, types: KernelTypes, test: VerifierCase, random: Random): number {
  let last = kernel.lastFault;
  const good = (errno: number): void => {
    const fault = kernel.lastFault;
    if (fault === last) return;
    last = fault;
    if (fault === null || errno !== Errno.EFAULT) return;
    demand(
      ALLOWED.has(fault.kind) || isHoleOfLinux(test, fault),
      () => `accepted, and then: ${fault.kind}: ${fault.message}`,
    );
  };
  try {
    using loaded = new CaseOnKernel(kernel, types, test);
    // Without a log, what is refused is loaded a second time to get one.
    const { fd, log } = loaded.load(LogLevel.stats, LOG_SIZE);
    if (fd === null) throw new TsbpfError(`refused${log}`);
    const own = loaded.runs(fd);
    for (const { errno } of own) good(errno);
    const maps = fillableMaps(test, loaded.maps);
    return own.length + runAtRandom(kernel, fd, test, maps, random, good);
  } catch (error) {
    // A case may name what this kernel does not have, which is said by an error of no class of its own.
    if ((error as Error).constructor !== Error) throw error;
    throw new TsbpfError((error as Error).message, { cause: error });
  }
}

/**
 * Holes of Linux's that ours has, too (docs/fidelity.md): a constant null is taken for an argument with `__arg_nonnull`,
 * and the function reads in the first page; the frame pointer itself is taken for the object below it.
 */
function isHoleOfLinux({ source }: VerifierCase, { kind, message }: Fault): boolean {
  if (kind === "access") return source.includes("__arg_nonnull") && /: 0x[0-9a-f]{1,3}$/.test(message);
  return kind === "argument" && /of kfunc bpf_iter_\w+: .* an address outside the stack/.test(message);
}

/** Each case of testdata as a file of its own. */
function caseTexts(): string[] {
  const texts: string[] = [];
  for (const file of readdirSync(CASES)) {
    if (!file.endsWith(".txt")) continue;
    const [preamble, ...cases] = readFileSync(join(CASES, file), "utf8").split(/^(?==== )/m);
    for (const text of cases) if (text.length < LONGEST_CASE) texts.push(`${preamble}${text}`);
  }
  return texts;
}
