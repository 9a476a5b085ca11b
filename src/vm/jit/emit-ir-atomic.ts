import type { Value } from "../../ir/index.ts";
import { Operation, type OperationName } from "../../isa/index.ts";
import type { AtomicOperation, FunctionBuilder, I32Ops, I64Ops } from "../../wasm/index.ts";
import type { IrEmission } from "./ir-emission.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

const NAMES: { readonly [Name in OperationName]?: AtomicOperation } = {
  atomicAdd: "add",
  atomicOr: "or",
  atomicAnd: "and",
  atomicXor: "xor",
  xchg: "xchg",
  cmpxchg: "cmpxchg",
};

const NAME_OF = Object.keys(Operation).map((name) => NAMES[name as OperationName]);

/** A read-modify-write. Where the address is not aligned, Wasm's instruction would trap: a load and a store. */
export function emitIrAtomic(ir: IrEmission, value: Value): void {
  const { f, code } = ir;
  const wide = value.size === 8;
  const type = wide ? "i64" : "i32";
  const ops: Ops = wide ? f.i64 : f.i32;
  const name = NAME_OF[value.row!.operation]!;
  const [base, operand, expected] = value.args as [Value, Value, Value | undefined];
  const address = code.temporary("i32", "address");
  const given = code.temporary(type, `operand${type}`);
  ir.push(base);
  f.i32.const(value.imm).i32.add().set(address);
  ir.push(operand);
  f.set(given);
  const compared = code.temporary(type, `expected${type}`);
  if (expected !== undefined) {
    ir.push(expected);
    f.set(compared);
  }
  f.get(address)
    .i32.const(value.size - 1)
    .i32.and()
    .i32.eqz();
  f.if(
    () => {
      f.get(address);
      if (expected !== undefined) f.get(compared);
      f.get(given);
      ops.atomicRmw(name);
    },
    () => {
      const old = code.temporary(type, `old${type}`);
      f.get(address);
      ops.load(0, 1);
      f.set(old);
      if (expected !== undefined) {
        f.get(old).get(compared);
        ops.eq();
        f.if(() => {
          f.get(address).get(given);
          ops.store(0, 1);
        });
      } else {
        f.get(address);
        if (name !== "xchg") f.get(old);
        f.get(given);
        if (name === "add") ops.add();
        else if (name === "or") ops.or();
        else if (name === "and") ops.and();
        else if (name === "xor") ops.xor();
        ops.store(0, 1);
      }
      f.get(old);
    },
    type,
  );
  ir.keep(value);
}
