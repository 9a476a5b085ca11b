import { goOnlyTo, joinLines } from "./flow.ts";
import type { IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { removeTrivialPhis } from "./ssa.ts";

/** Branches whose condition is known go one way, and blocks that only follow one another become one. */
export function straighten(func: IrFunction): void {
  let changed = false;
  for (const block of func.inOrder()) {
    const { terminator } = block;
    if (terminator.kind !== "branch") continue;
    const condition = func.resolve(terminator.condition);
    const [onward, taken] = block.successors;
    const isKnown = func.isConst(condition);
    if (!isKnown && onward !== taken) continue;
    const target = isKnown && func.imm(condition) !== 0 ? taken! : onward!;
    const index = target.predecessors.indexOf(block);
    const args = target.phis.map((phi) => phi.args[index]!);
    goOnlyTo(block, target, args);
    changed = true;
  }
  if (changed) {
    func.rebuild();
    removeTrivialPhis(func);
  }
  let joined = false;
  for (const block of func.inOrder()) if (joinLines(func, block)) joined = true;
  if (joined) func.rebuild();
  if (changed || joined) settle(func);
}
