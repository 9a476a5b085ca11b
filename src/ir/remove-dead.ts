import type { IrFunction } from "./function.ts";
import { isPure, isRead, type Value } from "./value.ts";

/** Values that nothing needs, phis that only lead to themselves among them, are gone. */
export function removeDead(func: IrFunction): void {
  const needed = new Uint8Array(func.valueCount);
  const work: Value[] = [];
  const need = (value: Value): void => {
    if (needed[value.id] === 1) return;
    needed[value.id] = 1;
    work.push(value);
  };
  for (const { values, terminator } of func.inOrder()) {
    for (const value of values) if (!isPure(value) && !isRead(value)) need(value);
    if (terminator.kind === "branch") need(terminator.condition);
    else if (terminator.kind === "return") need(terminator.value);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop())
    for (const arg of value.args) need(arg);
  const isNeeded = ({ id }: Value): boolean => needed[id] === 1;
  for (const block of func.inOrder()) {
    block.phis = block.phis.filter(isNeeded);
    block.values = block.values.filter(isNeeded);
  }
}
