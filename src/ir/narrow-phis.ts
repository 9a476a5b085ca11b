import { isConst } from "./constants.ts";
import { extendU, isShort } from "./fold.ts";
import { Appender, type IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { Op, type Value } from "./value.ts";

/**
 * A phi whose values all have a high half of 0 becomes one of 32 bits: counters of loops that the program keeps in
 * 32-bit registers are not extended and cut off again in each round.
 */
export function narrowPhis(func: IrFunction): void {
  const narrow = new Set<Value>();
  for (const { phis } of func.inOrder()) for (const phi of phis) if (phi.type === "i64") narrow.add(phi);
  for (let changed = true; changed; ) {
    changed = false;
    for (const phi of narrow) {
      if (phi.args.every((arg) => isNarrow(arg, narrow))) continue;
      narrow.delete(phi);
      changed = true;
    }
  }
  if (narrow.size === 0) return;
  const halves = new Map<Value, Value>();
  for (const phi of narrow) {
    const half = func.value(Op.phi, "i32", []);
    half.block = phi.block;
    halves.set(phi, half);
  }
  for (const [phi, half] of halves) {
    half.args = phi.args.map(
      (arg) =>
        halves.get(arg) ?? (isConst(arg) ? func.value(Op.const, "i32", [], { imm: arg.imm }) : arg.args[0]!),
    );
  }
  const make = new Appender(func);
  for (const block of func.inOrder()) {
    if (!block.phis.some((phi) => narrow.has(phi))) continue;
    make.begin(block);
    block.phis = block.phis.map((phi) => {
      const half = halves.get(phi);
      if (half === undefined) return phi;
      phi.forward = extendU(make, half);
      return half;
    });
    block.values = [...make.values, ...block.values];
  }
  settle(func);
}

function isNarrow(value: Value, narrow: ReadonlySet<Value>): boolean {
  return isShort(value) || narrow.has(value);
}
