import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import { kernelRelease } from "../platform/index.ts";
import type { Invocation } from "./command.ts";
import { kernelRequest } from "./kernel-choice.ts";
import { openObject } from "./load-file.ts";
import type { Verdict } from "./verify-object.ts";
import { missingIn } from "./verify-release.ts";
import { lackedRights } from "./verify-rights.ts";

/** What the verifier says of something that it does not know. */
const UNKNOWN =
  /^(?:(?:invalid|unknown) func |unknown opcode |calling kernel function |BPF_\w+ uses (?:reserved fields|invalid atomic opcode))/;

/**
 * Verdicts for a release or for rights that were asked for say what is missing there, where that is why a program was
 * refused.
 */
export async function withReasons(
  invocation: Invocation,
  verdicts: readonly Verdict[],
): Promise<readonly Verdict[]> {
  const { release: name = "6.18", rights } = kernelRequest(invocation, "embedded");
  const release = kernelRelease(name);
  if (release === null || (release === "6.18" && rights === undefined)) return verdicts;
  const reasons = (spec: ObjectSpec, program: ProgramSpec): readonly string[] => {
    const lacked = rights === undefined ? null : lackedRights(program, rights);
    return [...missingIn(release, spec, program), ...(lacked === null ? [] : [lacked])];
  };
  const specs = new Map<string, ObjectSpec>();
  const result: Verdict[] = [];
  for (const verdict of verdicts) {
    const { file, name, accepted } = verdict;
    // Standard input cannot be read again.
    if (accepted || file === "-") {
      result.push(verdict);
      continue;
    }
    const spec = specs.get(file) ?? (await openObject(invocation.io, file));
    specs.set(file, spec);
    const program = spec.programs.get(name);
    result.push(program === undefined ? verdict : withReason(verdict, reasons(spec, program)));
  }
  return result;
}

function withReason(verdict: Verdict, reasons: readonly string[]): Verdict {
  const { explanation, problem } = verdict;
  if (reasons.length === 0) return verdict;
  const reason = reasons.join("; ");
  if (explanation === null) {
    return { ...verdict, problem: problem === null ? reason : `${reason}: ${problem}` };
  }
  if (!UNKNOWN.test(explanation.message)) return verdict;
  return { ...verdict, explanation: { ...explanation, headline: reason, fixes: [] } };
}
