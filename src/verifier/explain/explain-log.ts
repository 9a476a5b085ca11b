import type { Explanation } from "./explanation.ts";
import { History } from "./history.ts";
import { parseLog } from "./parse-log.ts";
import { failingPath } from "./path.ts";
import { type Finding, Refusal, type Rule, stepOf } from "./rule.ts";
import { RULES } from "./rules.ts";

/** The code of refusals that no rule knows. */
export const UNKNOWN_CODE = "unknown";

/**
 * Explains why a program was refused, from the log alone: that of our verifier, or of any kernel from 4.14 on, as bpf(2),
 * libbpf or bpftool give it. A log at level 2 tells most.
 *
 * @returns null where the log is that of an accepted program, or is none
 */
export function explainLog(text: string): Explanation | null {
  const log = parseLog(text);
  if (log.messages.length === 0) return null;
  const refusal = new Refusal(log, new History(failingPath(log)));
  const found = findingOf(refusal);
  const { last } = refusal;
  const message = found?.message ?? log.messages.at(-1)!;
  const finding: Finding = found?.finding ?? { headline: message, fixes: [] };
  return {
    code: found?.code ?? UNKNOWN_CODE,
    headline: finding.headline,
    message: log.messages.join("\n"),
    instruction:
      last === undefined
        ? null
        : { index: last.step.index, code: last.step.text, operand: finding.operand ?? "" },
    source: last?.step.source ?? null,
    why: finding.why ?? (last === undefined ? [] : [stepOf(last, "used", "refused here")]),
    fixes: finding.fixes,
  };
}

interface Found {
  readonly code: string;
  readonly message: string;
  readonly finding: Finding;
}

/** The last message says what was wrong, those before it lead up to it; a rule may know either. */
function findingOf(refusal: Refusal): Found | null {
  for (const rule of RULES) {
    const found = matchOf(rule, refusal);
    if (found !== null) return found;
  }
  return null;
}

function matchOf(rule: Rule, refusal: Refusal): Found | null {
  for (const message of [...refusal.log.messages].reverse()) {
    for (const pattern of rule.patterns) {
      const match = pattern.exec(message);
      if (match !== null) return { code: rule.code, message, finding: rule.find(match, refusal) };
    }
  }
  return null;
}
