import { type Side, sideOf } from "./branch-words.ts";
import { effectOf } from "./instruction.ts";
import type { PathStep } from "./path-step.ts";
import { otherInstructions } from "./program-text.ts";
import type { Refusal } from "./rule.ts";

/** A branch whose other side comes to a release, and the side that was taken: from there none does. */
export interface LeavingBranch {
  readonly at: PathStep;
  readonly side: Side;
}

/** Instructions that are looked at on the other side of a branch. */
const MOST = 4096;

/** Where the path left what would have released an object; null where the log shows no such branch. */
export function leavingBranch(refusal: Refusal, taken: PathStep, releases: RegExp): LeavingBranch | null {
  const { history } = refusal;
  const texts = otherInstructions(refusal);
  for (let position = history.path.length - 2; position > taken.position; position--) {
    const at = history.path[position]!;
    if (at.effect.operation !== "branch" || at.effect.jump === null) continue;
    const side = sideOf(history, at);
    if (side === null) continue;
    const other = at.step.index + 1 + (side.jumped ? 0 : at.effect.jump);
    if (comesTo(texts, other, taken.step.index, releases)) return { at, side };
  }
  return null;
}

/** Whether code from a slot on may come to a release, before the object is taken anew. */
function comesTo(
  texts: ReadonlyMap<number, string>,
  start: number,
  acquisition: number,
  releases: RegExp,
): boolean {
  const seen = new Set<number>([acquisition]);
  const open = [start];
  while (open.length > 0 && seen.size < MOST) {
    const index = open.pop()!;
    const text = texts.get(index);
    if (seen.has(index)) continue;
    seen.add(index);
    if (text === undefined) {
      // Constants of 64 bits have two slots.
      if (/^r\d+ = [^*(]/.test(texts.get(index - 1) ?? "") && texts.has(index + 1)) open.push(index + 1);
      continue;
    }
    const { operation, call, jump } = effectOf(text);
    if (call !== null && releases.test(call)) return true;
    if (operation === "exit") continue;
    if (jump !== null) open.push(index + 1 + jump);
    if (call?.startsWith("pc") === true) open.push(index + 1 + Number(call.slice(2)));
    // `may_goto` goes on, too.
    if (operation !== "goto" || !/^goto/.test(text)) open.push(index + 1);
  }
  return false;
}
