import type { IrFunction } from "./function.ts";
import { resolve, resolveArgs } from "./value.ts";

/** Arguments are values that stand for themselves from here on. */
export function settle(func: IrFunction): void {
  for (const block of func.inOrder()) {
    for (const phi of block.phis) resolveArgs(phi);
    for (const value of block.values) resolveArgs(value);
    const { terminator } = block;
    if (terminator.kind === "branch") terminator.condition = resolve(terminator.condition);
    else if (terminator.kind === "return") terminator.value = resolve(terminator.value);
  }
}
