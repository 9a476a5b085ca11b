import type { IrFunction } from "./function.ts";
import { mergeLoads } from "./merge-loads.ts";
import { narrowPhis } from "./narrow-phis.ts";
import { promoteStack } from "./promote-stack.ts";
import { type CallKnowledge, simplify } from "./simplify.ts";

/** All passes, in their order. */
export function optimise(func: IrFunction, knowledge: CallKnowledge): void {
  // Until it is known, any pointer may lead to the frame.
  func.frameEscapes = true;
  simplify(func, knowledge);
  promoteStack(func, knowledge);
  narrowPhis(func);
  simplify(func, knowledge);
  mergeLoads(func);
  simplify(func, knowledge);
}
