import type { IrFunction } from "./function.ts";
import { inlineCalls } from "./inline.ts";
import { mergeLoads } from "./merge-loads.ts";
import { mergeStores } from "./merge-stores.ts";
import { narrowPhis } from "./narrow-phis.ts";
import { promoteStack } from "./promote-stack.ts";
import { selectBranches } from "./select-branches.ts";
import { type CallKnowledge, simplify } from "./simplify.ts";
import { straighten } from "./straighten.ts";

/** All passes, in their order. Values that nothing needs may be left: see `removeDead`. */
export function optimise(func: IrFunction, knowledge: CallKnowledge): void {
  // Until it is known, any pointer may lead to the frame.
  func.frameEscapes = true;
  simplify(func, knowledge);
  if (inlineCalls(func, knowledge.inlining)) simplify(func, knowledge);
  straighten(func);
  promoteStack(func, knowledge);
  selectBranches(func);
  narrowPhis(func);
  simplify(func, knowledge);
  const wideLoads = mergeLoads(func);
  if (mergeStores(func) || wideLoads) simplify(func, knowledge);
}
