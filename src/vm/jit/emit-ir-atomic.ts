import type { Value } from "../../ir/index.ts";
import type { Local } from "../../wasm/index.ts";
import { storeCode } from "../access-codes.ts";
import { emitLoadAcquire, emitReadModifyWrite, emitStoreRelease } from "../emit-atomics.ts";
import type { IrEmission } from "./ir-emission.ts";

/** An atomic or ordered access. */
export function emitIrAtomic(ir: IrEmission, value: Value): void {
  const { f, code, func } = ir;
  const operands = operandsOf(ir, value);
  const address = code.temporary("i32", "address");
  ir.push(func.arg(value, 0));
  f.i32.const(func.imm(value)).i32.add().set(address);
  const old = emitAccess(ir, value, address, operands);
  if (func.type(value) === "void") return;
  f.get(old);
  ir.keep(value);
}

/** What is done in the arena is done where its pages are: elsewhere the register stays what it is. */
export function emitIrArena(ir: IrEmission, value: Value): void {
  const { f, code, func } = ir;
  const operands = operandsOf(ir, value);
  const address = emitArenaPlace(ir, value);
  if (func.type(value) === "void") {
    f.get(address).if(() => emitAccess(ir, value, address, operands));
    return;
  }
  const result = code.temporary("i64", "result");
  f.get(operands.at(-1)!).set(result);
  f.get(address).if(() => {
    const old = emitAccess(ir, value, address, operands);
    f.get(old);
    if (old.type === "i32") f.i64.extendI32U();
    f.set(result);
  });
  f.get(result);
  ir.keep(value);
}

/** Where an access to the arena goes: 0 for nowhere. */
export function emitArenaPlace(ir: IrEmission, value: Value): Local {
  const { f, code, func } = ir;
  const address = code.temporary("i32", "address");
  ir.push(func.arg(value, 0));
  f.i32.const(func.size(value)).call(code.program.arenaAddress).set(address);
  return address;
}

/**
 * What comes behind the address, each computed once: the operand, and what it is compared with. They come first, as
 * what is computed for them may need the local of the address.
 */
function operandsOf(ir: IrEmission, value: Value): readonly Local[] {
  const { f, code, func } = ir;
  const [, ...operands] = func.argsOf(value);
  return operands.map((operand, i) => {
    const type = func.isWide(operand) ? "i64" : "i32";
    const local = code.temporary(type, `operand${i}_${type}`);
    ir.push(operand);
    f.set(local);
    return local;
  });
}

/** @returns what was there, of whatever an instruction gives back. */
function emitAccess(
  { f, code, func }: IrEmission,
  value: Value,
  address: Local,
  [operand, expected]: readonly Local[],
): Local {
  const { kind, operation } = func.rowOf(value);
  const size = func.size(value);
  const type = size === 8 || kind === "loadAcquire" ? "i64" : "i32";
  const old = code.temporary(type, `old_${type}`);
  /** Of the width that is accessed. */
  const push = (local: Local | undefined) => {
    f.get(local!);
    if (local!.type === "i64" && size === 4) f.i32.wrapI64();
  };
  switch (kind) {
    case "store":
      f.get(address).get(operand!).access(storeCode(size), 0);
      break;
    case "loadAcquire":
      emitLoadAcquire(f, size, address, old);
      break;
    case "storeRelease":
      emitStoreRelease(f, size, address, () => f.get(operand!));
      break;
    default:
      emitReadModifyWrite(f, {
        operation,
        size,
        address,
        old,
        operand: () => push(operand),
        expected: () => push(expected),
      });
  }
  return old;
}
