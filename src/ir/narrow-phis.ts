import { Appender } from "./appender.ts";
import { extendU, isShort } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { Op, type Phi, type Value } from "./value.ts";

/**
 * A phi whose values all have a high half of 0 becomes one of 32 bits: counters of loops that the program keeps in
 * 32-bit registers are not extended and cut off again in each round.
 */
export function narrowPhis(func: IrFunction): void {
  const narrow = new Set<Phi>();
  for (const { phis } of func.inOrder()) for (const phi of phis) if (func.isWide(phi.value)) narrow.add(phi);
  for (let changed = true; changed; ) {
    changed = false;
    for (const phi of narrow) {
      if (phi.args.every((arg) => isNarrow(func, arg, narrow))) continue;
      narrow.delete(phi);
      changed = true;
    }
  }
  if (narrow.size === 0) return;
  const halves = new Map<Phi, Phi>();
  for (const phi of narrow) halves.set(phi, func.phi("i32", func.blockOf(phi.value)!));
  for (const [phi, half] of halves) half.args = phi.args.map((arg) => halfOf(func, arg, halves));
  const make = new Appender(func);
  for (const block of func.inOrder()) {
    if (!block.phis.some((phi) => narrow.has(phi))) continue;
    make.begin(block);
    block.phis = block.phis.map((phi) => {
      const half = halves.get(phi);
      if (half === undefined) return phi;
      func.forward(phi.value, extendU(make, half.value));
      return half;
    });
    block.values = [...make.values, ...block.values];
  }
  settle(func);
}

function isNarrow(func: IrFunction, value: Value, narrow: ReadonlySet<Phi>): boolean {
  return func.op(value) === Op.phi ? narrow.has(func.phiOf(value)) : isShort(func, value);
}

function halfOf(func: IrFunction, value: Value, halves: ReadonlyMap<Phi, Phi>): Value {
  if (func.op(value) === Op.phi) return halves.get(func.phiOf(value))!.value;
  return func.isConst(value) ? func.constant("i32", func.imm(value)) : func.arg(value, 0);
}
