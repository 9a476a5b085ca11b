import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import { kernelRelease } from "../platform/index.ts";
import type { Invocation } from "./command.ts";
import { kernelRequest } from "./kernel-choice.ts";
import { missingIn } from "./verify-release.ts";
import { lackedRights } from "./verify-rights.ts";
import type { Verdict } from "./verify-verdict.ts";

/** What the verifier says of something that it does not know. */
const UNKNOWN =
  /^(?:(?:invalid|unknown) func |unknown opcode |calling kernel function |BPF_\w+ uses (?:reserved fields|invalid atomic opcode))/;

/** What a program asks for that the release or the rights asked for do not have. */
export type Reasons = (spec: ObjectSpec, program: ProgramSpec) => readonly string[];

/** The reasons for what a command line asks; none for Linux 6.18 and all rights. */
export function reasonsFor(invocation: Invocation): Reasons {
  const { release: name = "6.18", rights } = kernelRequest(invocation, "embedded");
  const release = kernelRelease(name);
  if (release === null || (release === "6.18" && rights === undefined)) return () => [];
  return (spec, program) => {
    const lacked = rights === undefined ? null : lackedRights(program, rights);
    return [...missingIn(release, spec, program), ...(lacked === null ? [] : [lacked])];
  };
}

/** A verdict that names them, where they are why the program was refused. */
export function withReason(verdict: Verdict, reasons: readonly string[]): Verdict {
  const { explanation, problem } = verdict;
  if (reasons.length === 0 || verdict.accepted) return verdict;
  const reason = reasons.join("; ");
  if (explanation === null) {
    return { ...verdict, problem: problem === null ? reason : `${reason}: ${problem}` };
  }
  if (!UNKNOWN.test(explanation.message)) return verdict;
  return { ...verdict, explanation: { ...explanation, headline: reason, fixes: [] } };
}
