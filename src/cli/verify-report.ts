import { countText, percentText, quantityText, tableText } from "../user/index.ts";
import { explanationText, sarifLog } from "../verifier/index.ts";
import type { Invocation } from "./command.ts";
import { type Style, styleOf } from "./style.ts";
import type { VerificationCost } from "./verify-stats.ts";
import type { Verdict } from "./verify-verdict.ts";

/** The version of the JSON: grows when a member changes its meaning or goes. */
const JSON_VERSION = 1;
/** Lines of source that are shown: the rest costs little. */
const SHOWN_LINES = 10;

/** Writes the verdicts: text, JSON or SARIF. */
export async function reportVerdicts(invocation: Invocation, verdicts: readonly Verdict[]): Promise<void> {
  const { io, json, pretty, options } = invocation;
  if (options.has("sarif")) {
    const subjects = verdicts.flatMap(({ name, file, explanation, problem }) => {
      if (explanation !== null) return [{ program: name, file, explanation }];
      return problem === null ? [] : [{ program: name, file, explanation: unverified(problem) }];
    });
    io.stdout.write(`${JSON.stringify(sarifLog(subjects, { version: io.version }), null, 2)}\n`);
    return;
  }
  if (json) {
    const value = { version: JSON_VERSION, programs: verdicts };
    io.stdout.write(`${JSON.stringify(value, null, pretty ? 4 : undefined)}\n`);
    return;
  }
  const style = styleOf(io.stdout);
  const several = new Set(verdicts.map(({ file }) => file)).size > 1;
  for (const [at, verdict] of verdicts.entries()) {
    if (at > 0 && (!verdict.accepted || !verdicts[at - 1]!.accepted || verdict.stats !== null))
      io.stdout.write("\n");
    io.stdout.write(verdictText(verdict, several ? `${verdict.file}: ${verdict.name}` : verdict.name, style));
    await io.stdout.drain();
  }
  const refused = verdicts.filter(({ accepted }) => !accepted).length;
  if (verdicts.length > 1) {
    io.stdout.write(`\n${verdicts.length - refused} of ${verdicts.length} programs accepted\n`);
  }
}

/** A program that never came to the verifier. */
function unverified(problem: string) {
  return {
    code: "not-verified",
    headline: problem,
    message: "",
    instruction: null,
    source: null,
    why: [],
    cause: null,
    fixes: [],
  };
}

function verdictText(verdict: Verdict, name: string, style: Style): string {
  const { accepted, processed, problem, explanation, log, stats } = verdict;
  const state = accepted ? "accepted" : problem === null ? "refused" : "not verified";
  const counted = processed === null ? "" : `(${quantityText(processed, "instruction")} processed)`;
  const fits = name.length + state.length + counted.length + 3 <= style.width;
  const count = counted === "" ? "" : `${fits ? " " : "\n  "}${style.dim(counted)}`;
  const parts = [`${style.bold(name)}: ${accepted ? style.good(state) : style.bad(state)}${count}\n`];
  if (problem !== null) parts.push(`  ${problem}\n`);
  if (explanation !== null) parts.push(`\n${explanationText(explanation, style)}`);
  if (stats !== null) parts.push(accepted ? "" : "\n", statsText(stats, style));
  if (log !== null) parts.push(`\n${style.bold("the kernel's log:")}\n${log.trimEnd()}\n`);
  return parts.join("");
}

function statsText(stats: VerificationCost, style: Style): string {
  const { processed, limit, states, peakStates, maxStatesPerInsn, stack, insns, lines, counted } = stats;
  const used = stack.reduce((sum, each) => sum + each, 0);
  const frames = stack.length > 1 ? ` (${stack.join(" + ")} by function)` : "";
  const facts = [
    `budget   ${percentText(processed, limit)} of ${countText(limit)} instructions`,
    `states   ${countText(states)}, ${countText(peakStates)} at a time, at most ${countText(maxStatesPerInsn)} at one instruction`,
    `stack    ${used} bytes${frames}`,
    ...(insns === null ? [] : [`program  ${countText(insns)} instructions after fixups`]),
  ];
  const text = facts.map((fact) => `  ${fact}\n`).join("");
  if (lines === null) return `${text}  too many instructions for counts by line\n`;
  if (lines.length === 0)
    return `${text}  no counts by line: the object has no line records (compile with -g)\n`;
  const shown = lines.slice(0, SHOWN_LINES);
  const columns = [
    { name: "visits", right: true },
    { name: "branches", right: true },
    { name: "line", right: false },
    { name: "source", right: false },
  ];
  const rows = shown.map(({ visits, branches, file, line, text: source }) => [
    countText(visits),
    branches === 0 ? "" : countText(branches),
    `${file.replace(/^.*\//, "")}:${line}`,
    source.replaceAll("\t", " "),
  ]);
  const path = counted === "path" ? "  by line, on the path where the verifier gave up:\n" : "";
  const more = lines.length > shown.length ? `  and ${lines.length - shown.length} lines more\n` : "";
  return `${text}\n${path}${tableText(columns, rows, { width: style.width, indent: 2, heading: style.dim }).text}${more}`;
}
