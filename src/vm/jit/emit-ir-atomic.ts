import type { Value } from "../../ir/index.ts";
import { emitReadModifyWrite } from "../emit-atomics.ts";
import type { IrEmission } from "./ir-emission.ts";

/** A read-modify-write: its operands are computed first, each once. */
export function emitIrAtomic(ir: IrEmission, value: Value): void {
  const { f, code, func } = ir;
  const size = func.size(value);
  const type = size === 8 ? "i64" : "i32";
  const [base, operand, expected] = func.argsOf(value) as [Value, Value, Value | undefined];
  const address = code.temporary("i32", "address");
  const given = code.temporary(type, `operand${type}`);
  const compared = code.temporary(type, `expected${type}`);
  const old = code.temporary(type, `old${type}`);
  ir.push(base);
  f.i32.const(func.imm(value)).i32.add().set(address);
  ir.push(operand);
  f.set(given);
  if (expected !== undefined) {
    ir.push(expected);
    f.set(compared);
  }
  emitReadModifyWrite(f, {
    operation: func.rowOf(value).operation,
    size,
    address,
    old,
    operand: () => f.get(given),
    expected: () => f.get(compared),
  });
  f.get(old);
  ir.keep(value);
}
