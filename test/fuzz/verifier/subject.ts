import { recordedCases } from "../../verifier/support/case-folder.ts";
import { groundtruthCases } from "../../verifier/support/groundtruth.ts";
import type { VerifierCase } from "../../verifier/support/verifier-case.ts";
import { Random } from "../random.ts";
import { caseOf, caseTextOf, programOf } from "./differential.ts";
import type { Generated } from "./generate.ts";
import { Mutated, mutate } from "./mutation/mutate.ts";
import { shrink } from "./shrink.ts";
import { caseEntries, splice } from "./splice.ts";

/** A program that is put to both verifiers. */
export interface Subject {
  readonly test: VerifierCase;
  /** As it is kept, for a person to read. */
  readonly text: string;
  /** A smaller one that `interesting` still says yes to, as small as is found `until` then. */
  shrunk(interesting: (test: VerifierCase) => Promise<boolean>, until: number): Promise<Subject>;
}

/** Where programs come from. Number `index` follows from the seed alone. */
export interface SubjectSource {
  at(index: number): Subject;
}

/** Programs that are made up. */
export function generatedSubjects(seed: number): SubjectSource {
  return { at: (index) => new GeneratedSubject(programOf(seed, index), `seed ${seed}, program ${index}`) };
}

/** Two cases of our own put together; those that are no program are passed over. */
export function splicedSubjects(seed: number): SubjectSource {
  const corpus = caseEntries();
  return {
    at(index) {
      for (let attempt = 0; ; attempt++) {
        const random = new Random("spliced", seed, index, attempt);
        const subject = new GeneratedSubject(splice(random, corpus), `seed ${seed}, program ${index}`);
        if (attempt >= ATTEMPTS || isProgram(subject)) return subject;
      }
    },
  };
}

const ATTEMPTS = 50;

/** Types of two cases may have one name: then elements are not as long as the values that they are for. */
function isProgram(subject: Subject): boolean {
  try {
    const { insns, maps } = subject.test;
    const whole = maps.every(({ valueSize, elements }) =>
      elements.every(({ value }) => value.length >= valueSize),
    );
    return insns.length > 0 && whole;
  } catch {
    return false;
  }
}

class GeneratedSubject implements Subject {
  readonly #program: Generated;
  readonly #name: string;

  constructor(program: Generated, name: string) {
    this.#program = program;
    this.#name = name;
  }

  get test(): VerifierCase {
    return caseOf(this.#program, this.#name);
  }

  get text(): string {
    return caseTextOf(this.#program, this.#name);
  }

  async shrunk(interesting: (test: VerifierCase) => Promise<boolean>, until: number): Promise<Subject> {
    const small = await shrink(
      this.#program,
      async (candidate) => {
        try {
          return await interesting(caseOf(candidate, "smaller"));
        } catch {
          // The shrinker tries texts that are no programs.
          return false;
        }
      },
      until,
    );
    return new GeneratedSubject(small, this.#name);
  }
}

/** Cases that the kernel was asked about, with small changes; the longest ones left out. */
export function mutatedSubjects(seed: number, longest: number): SubjectSource {
  const truth = groundtruthCases();
  const all = [...(typeof truth === "string" ? [] : truth), ...recordedCases()].map(({ test }) => test);
  const corpus = all.filter(({ insns }) => insns.length / 8 <= longest);
  return {
    at(index) {
      const random = new Random("mutated", seed, index);
      return new MutatedSubject(mutate(random, corpus), `seed ${seed}, program ${index}`);
    },
  };
}

class MutatedSubject implements Subject {
  readonly #mutated: Mutated;
  readonly #name: string;

  constructor(mutated: Mutated, name: string) {
    this.#mutated = mutated;
    this.#name = name;
  }

  get test(): VerifierCase {
    return this.#mutated.test;
  }

  get text(): string {
    return `# ${this.#name}\n${this.#mutated.text}`;
  }

  async shrunk(interesting: (test: VerifierCase) => Promise<boolean>, until: number): Promise<Subject> {
    let best = this.#mutated;
    for (let at = best.changes.length - 1; at >= 0 && performance.now() < until; at--) {
      const candidate = new Mutated(best.base, best.changes.toSpliced(at, 1));
      if (await interesting(candidate.test)) best = candidate;
    }
    return new MutatedSubject(best, this.#name);
  }
}
