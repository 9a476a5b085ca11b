import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { LogReport, ParsedLog, ReportPlace } from "./log-model.ts";
import { parseLog } from "./parse-log.ts";
import type { ProgramFacts } from "./program-facts.ts";
import { type Finding, fix, Refusal, type Rule } from "./rule.ts";
import { RULES } from "./rules.ts";

/** The code of refusals that no rule knows. */
export const UNKNOWN_CODE = "unknown";

/** What is known of a refusal besides its log. */
export interface ExplainOptions {
  /** The program was refused: a log without any complaint is one of a kernel that keeps silent about why. */
  readonly refused?: boolean;
  /** The program: makes explanations more concrete. */
  readonly program?: ProgramFacts;
}

/**
 * Explains why a program was refused, from the log alone: that of our verifier, or of any kernel from 4.14 on, as bpf(2),
 * libbpf, cilium or bpftool give it. A log at level 2 tells most.
 *
 * @param text the log, or what `parseLog` made of it
 * @returns null where the log is that of an accepted program, or is none
 */
export function explainLog(text: string | ParsedLog, options: ExplainOptions = {}): Explanation | null {
  const log = typeof text === "string" ? parseLog(text) : text;
  const silent = log.messages.length === 0 && log.report === null;
  if (silent && !(options.refused === true && (log.steps.length > 0 || log.processed !== null))) return null;
  return explained(log, options.program ?? {});
}

function explained(log: ParsedLog, program: ProgramFacts): Explanation | null {
  const refusal = new Refusal(log, program);
  const found = findingOf(refusal);
  // Words that no rule knows, and nothing else of a verifier's: some other text.
  if (found === null && log.steps.length === 0 && log.processed === null && log.report === null) return null;
  const finding = found?.finding ?? general(log);
  const whole = finding.whole === true || refusal.last === undefined;
  const last = whole ? undefined : refusal.last;
  const index = finding.at ?? last?.step.index;
  const own = finding.at === undefined ? null : refusal.stepAt(finding.at, "used", "");
  const why = finding.why ?? (whole ? [] : refusal.used(finding.need ?? "this is refused"));
  const steps = why.length <= 1 && log.report !== null ? reported(log.report, why) : why;
  return {
    code: found?.code ?? UNKNOWN_CODE,
    headline: finding.headline,
    message: log.messages.join("\n") || (log.report?.reason ?? ""),
    instruction:
      index === undefined
        ? null
        : { index, code: own?.code ?? last?.step.text ?? "", operand: finding.operand ?? "" },
    source: own === null ? (last?.step.source ?? null) : own.source,
    why: steps,
    cause: causeOf(steps),
    fixes: finding.fixes,
  };
}

function causeOf(steps: readonly ExplanationStep[]): number | null {
  const lost = steps.findIndex(({ role }) => role === "lost");
  if (lost >= 0) return lost;
  return steps.length === 0 ? null : steps.length - 1;
}

interface Found {
  readonly code: string;
  readonly finding: Finding;
}

/** The last message says what was wrong; where no rule knows it, those before it, that lead up to it. */
function findingOf(refusal: Refusal): Found | null {
  for (const message of [...refusal.log.messages].reverse()) {
    for (const rule of RULES) {
      const finding = matchOf(rule, message, refusal);
      if (finding !== null) return { code: rule.code, finding };
    }
  }
  return null;
}

function matchOf(rule: Rule, message: string, refusal: Refusal): Finding | null {
  for (const pattern of rule.patterns) {
    const match = pattern.exec(message);
    const finding = match === null ? null : rule.find(match, refusal);
    if (finding !== null) return finding;
  }
  return null;
}

/** What can be said where no rule fits: the kernel's words, or those of its report. */
function general({ messages, report }: ParsedLog): Finding {
  if (report !== null) {
    return {
      headline: `${report.problem.toLowerCase()}: ${report.reason}`.replace(/\.$/, ""),
      need: report.at?.words ?? "this is refused",
      fixes: report.suggestion === "" ? [] : [fix(report.suggestion)],
    };
  }
  const last = messages.at(-1);
  if (last !== undefined) return { headline: last, fixes: [] };
  return {
    headline: "the kernel refuses this instruction, and does not say why",
    fixes: [
      fix(
        "See what the instruction is given: for a call, the flags, the format and the constants among its arguments.",
      ),
    ],
  };
}

/** The chain of a report, where the log's own steps tell less. */
function reported({ at, events }: LogReport, why: readonly ExplanationStep[]): readonly ExplanationStep[] {
  const chain = events.filter(({ label }) => label !== "branch").slice(-LONGEST_REPORT);
  if (chain.length === 0) return why;
  const end = why.at(-1) ?? (at === null ? undefined : reportedStep(at, "used"));
  const lost = chain.findLastIndex(({ label }) => label === "invalidated");
  const steps = chain.map((event, i) =>
    reportedStep(event, i === lost ? "lost" : i === 0 ? "origin" : "passed"),
  );
  return end === undefined ? steps : [...steps, end];
}

const LONGEST_REPORT = 7;

function reportedStep(
  { index, text, source, words }: ReportPlace,
  role: ExplanationStep["role"],
): ExplanationStep {
  return { role, instruction: index, code: text, source, text: words };
}
