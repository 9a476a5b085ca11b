import { errnoName } from "../../../src/uapi/index.ts";
import { askVerdict } from "./ask-verdict.ts";
import type { KernelVerifier } from "./kernel-verifier.ts";
import type { CaseVerdict } from "./verdicts.ts";
import type { VerifierCase } from "./verifier-case.ts";

/**
 * How an answer differs: in the verdict, in the error number, in the last word alone, or in whether the case can be
 * asked at all.
 */
export type VerdictDifference = "accepts" | "rejects" | "asked" | "errno" | "words";

export interface VerdictResult {
  readonly name: string;
  readonly ours: CaseVerdict;
  readonly theirs: CaseVerdict;
  readonly difference: VerdictDifference | null;
}

/** Asks a kernel about cases of which another one's verdicts are known. */
export async function compareVerdicts(
  kernel: KernelVerifier,
  cases: readonly VerifierCase[],
  verdicts: ReadonlyMap<string, CaseVerdict>,
): Promise<VerdictResult[]> {
  const results: VerdictResult[] = [];
  for (const test of cases) {
    const theirs = verdicts.get(test.name);
    if (theirs === undefined || !kernel.takes(test)) continue;
    const ours = await askVerdict(kernel, test);
    results.push({ name: test.name, ours, theirs, difference: differenceOf(ours, theirs) });
  }
  return results;
}

function differenceOf(ours: CaseVerdict, theirs: CaseVerdict): VerdictDifference | null {
  if (ours.errno === null || theirs.errno === null) return ours.errno === theirs.errno ? null : "asked";
  if ((ours.errno === 0) !== (theirs.errno === 0)) return ours.errno === 0 ? "accepts" : "rejects";
  if (ours.errno !== theirs.errno) return "errno";
  return ours.errno === 0 || ours.line === theirs.line ? null : "words";
}

/** Totals, and classes of what differs, the largest first; with `list` each case. */
export function verdictsText(results: readonly VerdictResult[], list: boolean): string {
  const count = (...kinds: readonly (VerdictDifference | null)[]) =>
    results.filter(({ difference }) => kinds.includes(difference)).length;
  const lines = [
    `${results.length} cases`,
    `same verdict     ${results.length - count("accepts", "rejects", "asked")}`,
    `same error       ${count(null, "words")}`,
    `same last word   ${count(null)}`,
    `accepts more     ${count("accepts")}`,
    `rejects more     ${count("rejects")}`,
    `asked or not     ${count("asked")}`,
  ];
  const classes = new Map<string, VerdictResult[]>();
  for (const result of results) {
    if (result.difference === null) continue;
    const title = `${result.difference}: Linux: ${plain(result.theirs)} | here: ${plain(result.ours)}`;
    const known = classes.get(title);
    if (known === undefined) classes.set(title, [result]);
    else known.push(result);
  }
  for (const [title, members] of [...classes].sort((a, b) => b[1].length - a[1].length)) {
    lines.push(`${String(members.length).padStart(5)}  ${title}`);
    for (const { name } of list ? members : members.slice(0, 2)) lines.push(`         ${name}`);
  }
  return `${lines.join("\n")}\n`;
}

/** `"accepts: NAME"` … of each case whose verdict or error number differs. */
export function differenceLines(results: readonly VerdictResult[]): string {
  return results
    .filter(({ difference }) => difference !== null && difference !== "words")
    .map(({ difference, name }) => `${difference}: ${name}\n`)
    .join("");
}

/** A verdict without its numbers. */
function plain({ errno, line }: CaseVerdict): string {
  if (errno === null) return "not asked";
  if (errno === 0) return "accepted";
  return `${errnoName(errno)} ${line.replaceAll(/0x[0-9a-f]+|-?\d+/g, "N")}`;
}
