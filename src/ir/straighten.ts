import { isConst } from "./constants.ts";
import { goOnlyTo, joinLines } from "./flow.ts";
import type { IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { removeTrivialPhis } from "./ssa.ts";
import { resolve } from "./value.ts";

/** Branches whose condition is known go one way, and blocks that only follow one another become one. */
export function straighten(func: IrFunction): void {
  let changed = false;
  for (const block of func.inOrder()) {
    const { terminator } = block;
    if (terminator.kind !== "branch") continue;
    const condition = resolve(terminator.condition);
    const [onward, taken] = block.successors;
    if (!isConst(condition) && onward !== taken) continue;
    const target = isConst(condition) && condition.imm !== 0 ? taken! : onward!;
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
  for (const block of func.inOrder()) if (joinLines(block)) joined = true;
  if (joined) func.rebuild();
  if (changed || joined) settle(func);
}
