import { Random } from "../random.ts";
import { caseText, type EngineCase } from "./case-text.ts";
import { featuresOf } from "./census.ts";
import { generate } from "./generate.ts";
import { inputsOf } from "./input.ts";
import { CHECKED, Lab, SUBJECTS, TIERED } from "./lab.ts";
import type { Difference, Laboratory } from "./outcome.ts";
import type { FuzzProgram } from "./program.ts";
import { shrink } from "./shrink.ts";
import { tryProgram } from "./trial.ts";
import { madeWild } from "./wild.ts";
import { Workshop } from "./workshop.ts";

/** Programs with numbers one after the other; what they are follows from seed and number alone. */
export interface Slice {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Inputs that each program runs on. */
  readonly runs: number;
  /** Programs that the live kernel's verifier is through with in good time. */
  readonly live: boolean;
  /** Programs that no verifier would let pass. */
  readonly wild: boolean;
  readonly milliseconds: number;
}

export interface Found {
  readonly index: number;
  readonly title: string;
  /** The case, made small. */
  readonly text: string;
}

export interface SliceResult {
  /** Programs that were run everywhere. */
  readonly programs: number;
  readonly instructions: number;
  /** What refused programs, and how often. */
  readonly refused: Readonly<Record<string, number>>;
  /** Programs that a fault ended: the generator does not mean to make any. */
  readonly faults: number;
  readonly found: readonly Found[];
  /** How many of the programs have what, see `featuresOf`. */
  readonly features: Readonly<Record<string, number>>;
}

/** Laboratories that only one in so many programs comes to: what they have of their own is tried enough all the same. */
const ONE_IN: { readonly [name: string]: number } = { [TIERED]: 8, [CHECKED]: 3 };
const SHRINKING = 10_000;

export function programOf(
  { seed, live, wild }: Pick<Slice, "seed" | "live" | "wild">,
  index: number,
): FuzzProgram {
  const random = new Random("engines", seed, index);
  const program = generate(random, { live, plain: wild });
  return wild ? madeWild(random, program) : program;
}

/** @param laboratories the first one is right. */
export function runSlice(slice: Slice, laboratories: readonly Laboratory[]): SliceResult {
  const end = performance.now() + slice.milliseconds;
  const refused: Record<string, number> = {};
  const found: Found[] = [];
  const features: Record<string, number> = {};
  let programs = 0;
  let instructions = 0;
  let faults = 0;
  for (let index = slice.from; index < slice.from + slice.count && performance.now() < end; index++) {
    const program = programOf(slice, index);
    const inputs = inputsOf(slice.seed, index, slice.runs);
    const used = laboratories.filter(({ name }) => index % (ONE_IN[name] ?? 1) === 0 || slice.wild);
    const trial = tryProgram(program, inputs, used);
    if (trial.refused !== null) {
      const message = trial.refused.replaceAll(/\b\d+\b/g, "N");
      refused[message] = (refused[message] ?? 0) + 1;
      continue;
    }
    programs++;
    instructions += program.main.insns.length;
    for (const feature of featuresOf(program)) features[feature] = (features[feature] ?? 0) + 1;
    if (trial.fault !== null) faults++;
    if (trial.difference === null) continue;
    found.push(
      findingOf({ program, seed: slice.seed, index, runs: slice.runs }, trial.difference, laboratories),
    );
  }
  return { programs, instructions, refused, faults, found, features };
}

function findingOf(
  test: Omit<EngineCase, "note">,
  difference: Difference,
  laboratories: readonly Laboratory[],
): Found {
  const { seed, index, runs } = test;
  const inputs = inputsOf(seed, index, runs);
  const [reference, ...others] = laboratories as [Laboratory, ...Laboratory[]];
  const subject = others.find(({ name }) => name === difference.subject)!;
  const trial = (program: FuzzProgram) => tryProgram(program, inputs, [reference, subject]);
  const wasWild = trial(test.program).fault !== null;
  // The kernel lets programs read what nobody wrote: a smaller program must not begin to.
  const workshop = new Workshop();
  const filled = [0x00, 0x5a].map((stack) => new Lab(SUBJECTS[0]!, workshop, { stack }));
  const isSteady = (program: FuzzProgram) => tryProgram(program, inputs, filled).difference === null;
  const program = shrink(
    test.program,
    (candidate) => {
      const { difference: again, fault } = trial(candidate);
      if (again === null || (again.what === "load") !== (difference.what === "load")) return false;
      // What was valid stays so: it comes to no fault.
      return wasWild || (fault === null && isSteady(candidate));
    },
    performance.now() + SHRINKING,
  );
  const left = trial(program).difference ?? difference;
  const title = titleOf(left);
  const details = `run ${left.run}: expected ${left.expected}, got ${left.got}`;
  return { index, title, text: caseText({ ...test, program, note: `${title}\n${details}` }) };
}

export function titleOf({ subject, what }: Difference): string {
  return `${subject}: ${what} differs`;
}
