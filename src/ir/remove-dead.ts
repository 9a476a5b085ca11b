import type { IrFunction } from "./function.ts";
import { isPure, isRead, Op, type Value } from "./value.ts";

/** Values that nothing needs, phis that only lead to themselves among them, are gone. */
export function removeDead(func: IrFunction): void {
  const needed = new Uint8Array(func.valueCount);
  const work: Value[] = [];
  const need = (value: Value): void => {
    if (needed[value] === 1) return;
    needed[value] = 1;
    work.push(value);
  };
  for (const { values, terminator } of func.inOrder()) {
    for (const value of values) if (!isPure(func.op(value)) && !isRead(func.op(value))) need(value);
    if (terminator.kind === "branch") need(terminator.condition);
    else if (terminator.kind === "return") need(terminator.value);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    if (func.op(value) === Op.phi) func.phiOf(value).args.forEach(need);
    else for (let i = 0; i < func.argCount(value); i++) need(func.arg(value, i));
  }
  for (const block of func.inOrder()) {
    block.phis = block.phis.filter(({ value }) => needed[value] === 1);
    block.values = block.values.filter((value) => needed[value] === 1);
  }
}
