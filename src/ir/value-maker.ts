import { type IrType, NONE, Op, type Value } from "./value.ts";
import type { ValueTable } from "./value-table.ts";

/** Makes pure values of a function. */
export abstract class ValueMaker {
  abstract readonly func: ValueTable;

  /** Puts a value where this maker puts its values, and gives it back. */
  abstract append(value: Value): Value;

  /** A value of these arguments, the rest of which are {@link NONE}: a new one, or one that is the same. */
  protected pure(op: Op, type: IrType, imm: number, high: number, a: Value, b: Value, c: Value): Value {
    return this.append(this.func.plain(op, type, imm, high, a, b, c));
  }

  i32(value: number): Value {
    return this.pure(Op.const, "i32", value, 0, NONE, NONE, NONE);
  }

  i64(low: number, high: number): Value {
    return this.pure(Op.const, "i64", low, high, NONE, NONE, NONE);
  }

  /** Of no argument. */
  leaf(op: Op, type: IrType, imm = 0): Value {
    return this.pure(op, type, imm, 0, NONE, NONE, NONE);
  }

  one(op: Op, type: IrType, a: Value, imm = 0): Value {
    return this.pure(op, type, imm, 0, a, NONE, NONE);
  }

  two(op: Op, type: IrType, a: Value, b: Value): Value {
    return this.pure(op, type, 0, 0, a, b, NONE);
  }

  three(op: Op, type: IrType, a: Value, b: Value, c: Value): Value {
    return this.pure(op, type, 0, 0, a, b, c);
  }
}
