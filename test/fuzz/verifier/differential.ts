import { Errno } from "../../../src/sys/index.ts";
import { BpfProgType, Errno as E } from "../../../src/uapi/index.ts";
import { readCaseFile } from "../../verifier/support/case-file.ts";
import { classOf } from "../../verifier/support/classes.ts";
import { type CaseResult, compareCase, errorLine, processedOf } from "../../verifier/support/compare.ts";
import type { KernelTypes } from "../../verifier/support/kernel-types.ts";
import { maskLog } from "../../verifier/support/mask.ts";
import {
  type CaseVerifier,
  LogLevel,
  type VerifierAnswer,
  type VerifierQuestion,
} from "../../verifier/support/verifier-answer.ts";
import type { VerifierCase, VerifierRecord } from "../../verifier/support/verifier-case.ts";
import { Random } from "../random.ts";
import { type Generated, generate } from "./generate.ts";

/** Programs that take more instructions than this are not compared: they are other tests' matter, and take a second. */
export const LONGEST = 8000;
/** The longest whose log at level 2 is compared. */
const LONGEST_LOG = 1500;
/** Of so many that are too long for ours, one is put to the kernel all the same: it has to find it long as well. */
const LONG_ONE_IN = 32;
const LOG_SIZE = 64 * 1024;
/** `BPF_COMPLEXITY_LIMIT_INSNS` */
const MAX_PROCESSED = 1_000_000;
const TOO_LONG = `BPF program is too large. Processed ${LONGEST + 1} insn`;

export interface Trial {
  /** What the kernel said. */
  readonly accepted: boolean;
  readonly processed: number;
  readonly message: string;
  /** null: not compared: too long, or nobody may load with such rights. */
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

/** What of a program is compared, besides verdict, words and counts. */
export interface TrialQuestion {
  readonly level2: boolean;
  readonly xlated: boolean;
  /** The program's number: some that are long for ours are put to the kernel, by number. */
  readonly index: number;
}

/**
 * Puts a program to the verifier under test, which gives up where more than {@link LONGEST} instructions are to be
 * processed, and to the kernel, which goes on to a million.
 */
export async function tryProgram(
  test: VerifierCase,
  kernel: CaseVerifier,
  ours: CaseVerifier,
  types: KernelTypes,
  what: TrialQuestion,
): Promise<Trial> {
  if (kernel.takes?.(test) === false || mayCrashLinux(test)) return NOT_COMPARED;
  const question = { logLevel: LogLevel.stats, xlated: what.xlated, logSize: LOG_SIZE };
  const mine = await answered(ours, test, question);
  const long = mine !== null && errorLine(mine.log) === TOO_LONG;
  if (long && what.index % LONG_ONE_IN !== 0) return NOT_COMPARED;
  const answer = await kernel.verify(test, question);
  if (answer.errno === E.EPERM && answer.log === "" && NOT_EVERYWHERE.has(test.progType)) return NOT_COMPARED;
  const processed = Number(processedOf(answer.log) ?? 0);
  const common = { accepted: answer.errno === 0, processed, message: errorLine(answer.log) };
  if (processed > LONGEST) return { ...common, result: null };
  const level2 = what.level2 && processed <= LONGEST_LOG;
  const full = level2 ? await kernel.verify(test, { logLevel: LogLevel.two | LogLevel.stats }) : null;
  const record: VerifierRecord = {
    errno: answer.errno,
    stats: maskLog(answer.log, test, types),
    level1: null,
    level2: full === null ? null : maskLog(full.log, test, types),
    xlated: answer.xlated,
    runs: [],
  };
  return { ...common, result: await compareCase(remembering(ours, mine), { test, record }, types) };
}

/**
 * A verifier whose answer to a case with a map that cannot be made is that map's errno, so that kernels can be compared in
 * this, too.
 */
export function forgiving(verifier: CaseVerifier): CaseVerifier {
  return {
    name: verifier.name,
    takes: (test) => verifier.takes?.(test) ?? true,
    async verify(test, question) {
      try {
        return await verifier.verify(test, question);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        return { errno: error.errno, log: `${error.command}\n`, xlated: null, runs: [] };
      }
    },
    close: () => verifier.close(),
  };
}

/**
 * Linux 6.18.44 looks into the record of special fields of a map that has none where a kfunc takes a field and its map
 * (`check_kfunc_args`): a null dereference, which ends the loader and leaves its memory taken. Programs with such a
 * kfunc are not put to it.
 */
function mayCrashLinux({ references }: VerifierCase): boolean {
  return references.some((reference) => reference.kind === "kfunc" && TAKES_MAP.test(reference.name));
}
const TAKES_MAP = /^bpf_(?:wq_init|task_work_schedule)/;

/** Kernels may be built without what such programs are for, and permit none. */
const NOT_EVERYWHERE: ReadonlySet<number> = new Set([BpfProgType.LSM, BpfProgType.TRACING, BpfProgType.EXT]);

const NOT_COMPARED: Trial = { accepted: false, processed: LONGEST, message: "", result: null };

/** An answer; null where the verifier fails, which is told when it is asked again. */
async function answered(
  verifier: CaseVerifier,
  test: VerifierCase,
  question: VerifierQuestion,
): Promise<VerifierAnswer | null> {
  try {
    return await verifier.verify(test, question);
  } catch {
    return null;
  }
}

/** The verifier, with its answer to the first question at hand, and its limit not told from the kernel's. */
function remembering(verifier: CaseVerifier, answer: VerifierAnswer | null): CaseVerifier {
  return {
    name: verifier.name,
    async verify(test, question) {
      const first = answer !== null && question.logLevel === LogLevel.stats;
      const { log, ...rest } = first ? answer : await verifier.verify(test, question);
      return { ...rest, log: log.replace(`(limit ${LONGEST})`, `(limit ${MAX_PROCESSED})`) };
    },
    close() {},
  };
}

/** The class of a trial's first difference; null where the two agree. */
export function classOfTrial({ result }: Trial): string | null {
  return result === null ? null : classOf(result);
}
