import { disassemble } from "../../../src/asm/index.ts";
import { hexOf, messageOf } from "../../../src/base/index.ts";
import { decode } from "../../../src/isa/index.ts";
import { errnoName } from "../../../src/uapi/index.ts";
import type { KernelTypes } from "./kernel-types.ts";
import { maskLog, maskXlated } from "./mask.ts";
import { type CaseVerifier, LogLevel, type VerifierAnswer } from "./verifier-answer.ts";
import type { RecordedCase, VerifierRecord } from "./verifier-case.ts";

/** What is compared, in the order of what to mend first. */
export const CHECKS = [
  "verdict",
  "errno",
  "error line",
  "messages",
  "processed",
  "xlated",
  "runs",
  "level 1",
  "level 2",
] as const;
export type Check = (typeof CHECKS)[number];

export interface Difference {
  readonly check: Check | "crash";
  /** The first lines that differ. */
  readonly ours: string;
  readonly theirs: string;
}

export interface CaseResult {
  readonly recorded: RecordedCase;
  /** Checks that the recording allows. */
  readonly checked: ReadonlySet<Check>;
  /** In the order of {@link CHECKS}; empty: all is the same. */
  readonly differences: readonly Difference[];
  readonly milliseconds: number;
  readonly answers: { readonly level1: VerifierAnswer | null; readonly level2: VerifierAnswer | null };
}

/** Lines that say how the verifier fared, and not what it found. */
const STATISTICS = /^(verification time|stack depth|processed \d+ insns)/;
const TIMES = /^(verification time .*|stack depth .*)\n/gm;

/** Asks a verifier about a case and tells where its answer is not the recorded one. */
export async function compareCase(
  verifier: CaseVerifier,
  recorded: RecordedCase & { readonly record: VerifierRecord },
  types: KernelTypes | null,
): Promise<CaseResult> {
  const { test, record } = recorded;
  const start = performance.now();
  const checked = new Set<Check>();
  const differences: Difference[] = [];
  const check = (name: Check, theirs: string | null, ours: () => string) => {
    if (theirs === null) return;
    checked.add(name);
    const mine = ours();
    if (mine !== theirs) differences.push({ check: name, ...firstDifference(mine, theirs) });
  };
  const short = record.stats ?? record.level1;
  let first: VerifierAnswer | null = null;
  let second: VerifierAnswer | null = null;
  try {
    first = await verifier.verify(test, {
      logLevel: LogLevel.stats | (record.stats === null ? LogLevel.one : 0),
      xlated: record.xlated !== null,
      runs: record.runs.length > 0,
    });
    const log = maskLog(first.log, test, types);
    check("verdict", verdictOf(record.errno), () => verdictOf(first!.errno));
    check("errno", String(record.errno), () => String(first!.errno));
    const rejected = record.errno !== 0;
    check("error line", rejected && short !== null ? errorLine(short) : null, () => errorLine(log));
    const stats = record.stats === null ? null : maskLog(record.stats, test, types);
    check("messages", rejected && stats !== null ? messagesOf(stats) : null, () => messagesOf(log));
    check("processed", short === null ? null : processedOf(short), () => processedOf(log) ?? "");
    if (record.errno === 0 && first.errno === 0) {
      if (record.xlated !== null && verifier.name !== "alone") {
        const theirs = maskXlated(record.xlated, test);
        const mine = first.xlated === null ? null : maskXlated(first.xlated, test);
        // Listings are long to make and needed only to show what differs.
        if (mine !== null && Buffer.compare(theirs, mine) === 0) checked.add("xlated");
        else check("xlated", listingOf(theirs), () => (mine === null ? "" : listingOf(mine)));
      }
      const runs = record.runs.length === 0 ? null : outcomes(record.runs, record.runs);
      if (first.notRun !== undefined) check("runs", runs, () => `not run: ${first!.notRun}`);
      else if (first.runs.length > 0) check("runs", runs, () => outcomes(first!.runs, record.runs));
    }
    const level1 = record.level1 === null ? null : maskLog(record.level1, test, types);
    check("level 1", level1, () => log);
    if (record.level2 !== null) {
      second = await verifier.verify(test, { logLevel: LogLevel.two | LogLevel.stats });
      const theirs = maskLog(record.level2, test, types);
      const full = maskLog(second.log, test, types);
      check("level 2", withoutTimes(theirs), () => withoutTimes(full));
    }
  } catch (error) {
    for (const name of CHECKS) checked.add(name);
    differences.length = 0;
    differences.push({ check: "crash", ours: messageOf(error), theirs: "" });
  }
  return {
    recorded,
    checked,
    differences,
    milliseconds: performance.now() - start,
    answers: { level1: first, level2: second },
  };
}

function verdictOf(errno: number): string {
  return errno === 0 ? "accepted" : "rejected";
}

/** Whether another engine's runs of a case are not as recorded. */
export async function runsDiffer(
  verifier: CaseVerifier,
  { test, record }: RecordedCase & { readonly record: VerifierRecord },
): Promise<boolean> {
  if (record.errno !== 0 || record.runs.length === 0) return false;
  const { runs } = await verifier.verify(test, { logLevel: LogLevel.one, runs: true });
  return runs.length > 0 && outcomes(runs, record.runs) !== outcomes(record.runs, record.runs);
}

/** The outcomes as text; `theirs` says where any result will do. */
function outcomes(runs: VerifierRecord["runs"], theirs: VerifierRecord["runs"]): string {
  return runs
    .map(({ errno, retval }, index) => {
      if (errno !== 0) return errnoName(errno);
      const any = retval === null || theirs[index]?.retval === null;
      return any ? "any" : `0x${retval.toString(16)}`;
    })
    .join(" ");
}

/** The last line before the statistics. */
export function errorLine(log: string): string {
  return log.split("\n").findLast((line) => line !== "" && !STATISTICS.test(line)) ?? "";
}

function messagesOf(log: string): string {
  return log
    .split("\n")
    .filter((line) => !STATISTICS.test(line))
    .join("\n");
}

/** `"processed 12 insns"`'s number, or null where the log has none. */
export function processedOf(log: string): string | null {
  return /^processed (\d+) insns/m.exec(log)?.[1] ?? null;
}

function withoutTimes(log: string): string {
  return log.replaceAll(TIMES, "");
}

function listingOf(bytes: Uint8Array): string {
  const insns = decode(bytes);
  return insns
    .map(
      (insn, slot) =>
        `${hexOf(bytes.subarray(slot * 8, slot * 8 + 8))} ${slot}: ${textOf(insns, slot, insn.opcode)}`,
    )
    .join("\n");
}

function textOf(insns: ReturnType<typeof decode>, slot: number, opcode: number): string {
  const pair = opcode === 0x18 ? insns.slice(slot, slot + 2) : [insns[slot]!];
  return disassemble(pair).split("\n")[0] ?? "";
}

/** The first line that differs; of texts of one line, the texts. */
export function firstDifference(
  ours: string,
  theirs: string,
): { readonly ours: string; readonly theirs: string } {
  const [mine, other] = [ours.split("\n"), theirs.split("\n")];
  const at = other.findIndex((line, index) => line !== mine[index]);
  const index = at < 0 ? other.length : at;
  return { ours: mine[index] ?? "(end)", theirs: other[index] ?? "(end)" };
}
