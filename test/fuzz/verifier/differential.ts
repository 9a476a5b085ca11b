import { readCaseFile } from "../../verifier/support/case-file.ts";
import { classOf } from "../../verifier/support/classes.ts";
import { type CaseResult, compareCase, errorLine, processedOf } from "../../verifier/support/compare.ts";
import type { KernelTypes } from "../../verifier/support/kernel-types.ts";
import { type CaseVerifier, LogLevel } from "../../verifier/support/verifier-answer.ts";
import type { VerifierCase, VerifierRecord } from "../../verifier/support/verifier-case.ts";
import { Random } from "../random.ts";
import { type Generated, generate } from "./generate.ts";

/** Programs that the kernel needs more instructions for are not put to ours: they are other tests' matter. */
const LONGEST = 20_000;

export interface Trial {
  /** What the kernel said. */
  readonly accepted: boolean;
  readonly processed: number;
  readonly message: string;
  /** null: too long to compare. */
  readonly result: CaseResult | null;
}

/** The program number `index` of a seed. */
export function programOf(seed: number, index: number): Generated {
  return generate(new Random("verifier", seed, index));
}

/** The program as text of a case file, with what it uses and no more. */
export function caseTextOf({ head, code }: Generated, name: string): string {
  const text = code.join("\n");
  const kept = head.filter((line) => {
    const map = /^map (\w+):/.exec(line);
    return map === null || text.includes(`%${map[1]}`);
  });
  return [`=== ${name}`, ...kept, "code:", "main:", ...code, ""].join("\n");
}

/** The case of a program. Throws where the text does not assemble: the shrinker tries such. */
export function caseOf(generated: Generated, name: string): VerifierCase {
  return readCaseFile(caseTextOf(generated, name), "fuzz", "fuzz")[0]!;
}

/** Puts a program to the kernel and to the verifier under test. */
export async function tryProgram(
  test: VerifierCase,
  kernel: CaseVerifier,
  ours: CaseVerifier,
  types: KernelTypes,
  what: { readonly level2: boolean; readonly xlated: boolean },
): Promise<Trial> {
  const answer = await kernel.verify(test, { logLevel: LogLevel.stats, xlated: what.xlated });
  const processed = Number(processedOf(answer.log) ?? 0);
  const common = { accepted: answer.errno === 0, processed, message: errorLine(answer.log) };
  if (processed > LONGEST) return { ...common, result: null };
  const full = what.level2 ? await kernel.verify(test, { logLevel: LogLevel.two | LogLevel.stats }) : null;
  const record: VerifierRecord = {
    errno: answer.errno,
    stats: answer.log,
    level1: null,
    level2: full?.log ?? null,
    xlated: answer.xlated,
    runs: [],
  };
  return { ...common, result: await compareCase(ours, { test, record }, types) };
}

/** The class of a trial's first difference; null where the two agree. */
export function classOfTrial({ result }: Trial): string | null {
  return result === null ? null : classOf(result);
}
