import type { IrFunction } from "./function.ts";
import type { Block } from "./value.ts";

/** Arguments are values that stand for themselves from here on. */
export function settle(func: IrFunction): void {
  for (const block of func.inOrder()) {
    for (const phi of block.phis) func.resolvePhi(phi);
    for (const value of block.values) func.resolveArgs(value);
    settleEnd(func, block);
  }
}

/** What a block ends by, likewise. */
export function settleEnd(func: IrFunction, { terminator }: Block): void {
  if (terminator.kind === "branch") terminator.condition = func.resolve(terminator.condition);
  else if (terminator.kind === "return") terminator.value = func.resolve(terminator.value);
}
