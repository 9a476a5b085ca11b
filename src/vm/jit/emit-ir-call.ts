import type { Value } from "../../ir/index.ts";
import { BpfMapType } from "../../uapi/index.ts";
import { emitResult } from "../emit-passing.ts";
import { State } from "../state.ts";
import { emitCounted, emitGoOn } from "./emit-call.ts";
import { emitIrLoop } from "./emit-ir-loop.ts";
import type { IrEmission } from "./ir-emission.ts";
import { bodyAt } from "./program-parts.ts";
import { VERIFIED_ARGUMENTS } from "./registers.ts";
import type { Reached } from "./targets.ts";

type Body = Reached & { readonly kind: "body" };

/** A call of a helper or kfunc: its result is kept as the body gives it, but for the high half of a host's. */
export function emitIrCall(ir: IrEmission, value: Value): void {
  const { f, code, parts } = ir;
  const via = bodyAt(parts, value.imm);
  if (emitIrLoop(ir, value, via)) return;
  const { callable } = via.callee;
  const mayStop = pushBody(ir, value, via);
  if (callable.result === "i64") emitResult(f, callable, code.module.place.stateAt);
  if (callable.result !== "void") ir.keep(value);
  if (mayStop) code.stopIfFaulted(value.imm);
}

/** Pushes the result, where there is one. @returns whether the call may leave a fault. */
function pushBody(ir: IrEmission, value: Value, via: Body): boolean {
  const { f, code } = ir;
  const { callee } = via;
  const { mayStop } = via.body;
  if (mayStop) f.i32.const(0).get(code.frame).i32.store(code.at(State.STACK_TOP));
  for (const i of callee.callable.args.keys()) {
    const arg = value.args[i]!;
    if (arg.type === "i32" || callee.callable.body.kind === "wasm") {
      // As the body takes it.
      ir.push(arg);
      continue;
    }
    // A host body takes halves.
    ir.push(arg);
    f.i32.wrapI64();
    ir.push(arg);
    f.i64.const(32).i64.shrU().i32.wrapI64();
  }
  f.call(code.module.body(via));
  return mayStop;
}

export function emitIrCallLocal(ir: IrEmission, value: Value): void {
  const { f, code, parts } = ir;
  for (let i = 0; i < VERIFIED_ARGUMENTS; i++) ir.push(value.args[i]!);
  f.get(code.frame).call(code.module.functions.get(value.imm)!);
  ir.keep(value);
  if (parts.mayStop.has(value.imm)) code.stopIfFaulted(value.high);
}

/** See `emitTailCall` of the first tier. */
export function emitIrTailCall(ir: IrEmission, value: Value): void {
  const { code, parts } = ir;
  const via = bodyAt(parts, value.imm);
  const target = emitCounted(code, () => {
    if (!pushProgram(ir, value)) pushBody(ir, value, via);
  });
  const { tailCall } = parts.targets;
  emitGoOn(code, value.imm, target, { context: () => ir.push(value.args[0]!), tailCall });
}

/** Pushes the program of a tail call, where its array is known. @returns whether it is. */
function pushProgram(ir: IrEmission, value: Value): boolean {
  const { f, code, parts } = ir;
  const [, array, position] = value.args as [Value, Value, Value];
  const map = parts.maps?.of(array);
  if (map === undefined || parts.maps?.field(map, "TYPE") !== BpfMapType.PROG_ARRAY) return false;
  const index = code.temporary("i32", "tail_index");
  ir.push(position);
  f.tee(index).i32.const(parts.maps.field(map, "MAX_ENTRIES")).i32.ltU();
  f.if(
    () =>
      f
        .get(index)
        .i32.const(2)
        .i32.shl()
        .i32.const(parts.maps!.field(map, "VALUES"))
        .i32.add()
        .i32.atomicLoad(),
    () => f.i32.const(0),
    "i32",
  );
  return true;
}
