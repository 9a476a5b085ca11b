import { Operation, type OperationName } from "../isa/index.ts";
import type { AtomicOperation, FunctionBuilder, I32Ops, I64Ops } from "../wasm/index.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** A read-modify-write that gives the old value back, if at all. */
export interface Modification {
  readonly name: AtomicOperation;
  /** What an access that is not aligned does with the old value and the operand on the stack. */
  readonly plain: (ops: Ops) => void;
}

const MODIFICATIONS: { readonly [Name in OperationName]?: Modification } = {
  atomicAdd: { name: "add", plain: (ops) => ops.add() },
  atomicOr: { name: "or", plain: (ops) => ops.or() },
  atomicAnd: { name: "and", plain: (ops) => ops.and() },
  atomicXor: { name: "xor", plain: (ops) => ops.xor() },
};

/** By number of the operation. */
export const MODIFICATION_OF: ReadonlyMap<number, Modification> = new Map(
  Object.entries(MODIFICATIONS).map(([name, modification]) => [
    Operation[name as OperationName],
    modification,
  ]),
);
