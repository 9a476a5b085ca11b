import type { LogStep, ParsedLog } from "./log-model.ts";

/**
 * The instructions that lead to the end of the log, in the order in which they run: a log holds all paths, one behind
 * the other, each from where it branched off.
 */
export function failingPath({ steps }: ParsedLog): readonly LogStep[] {
  const path: LogStep[] = [];
  let at = steps.length - 1;
  while (at >= 0) {
    const step = steps[at]!;
    path.push(step);
    if (step.from === null) {
      at--;
      continue;
    }
    // The path was put aside at the branch that came before it.
    let branch = at - 1;
    while (branch >= 0 && steps[branch]!.index !== step.from) branch--;
    at = branch;
  }
  return path.reverse();
}
