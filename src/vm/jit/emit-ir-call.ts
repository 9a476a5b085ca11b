import type { IrFunction, Value } from "../../ir/index.ts";
import { BpfMapType } from "../../uapi/index.ts";
import type { Func } from "../../wasm/index.ts";
import { emitResult } from "../emit-passing.ts";
import { State } from "../state.ts";
import { isIteratorNext, type KnownMaps } from "./call-facts.ts";
import { emitCounted, emitGoOn } from "./emit-call.ts";
import { emitIrLoop } from "./emit-ir-loop.ts";
import type { IrEmission } from "./ir-emission.ts";
import { bodyAt } from "./program-parts.ts";
import { VERIFIED_ARGUMENTS } from "./registers.ts";
import type { Reached } from "./targets.ts";

type Body = Reached & { readonly kind: "body" };

/** A call of a helper or kfunc: its result is kept as the body gives it, but for the high half of a host's. */
export function emitIrCall(ir: IrEmission, value: Value): void {
  const { f, code, parts, func } = ir;
  const via = bodyAt(parts, func.imm(value));
  if (emitIrLoop(ir, value, via)) return;
  const { callable } = via.callee;
  const mayStop = pushBody(ir, value, via);
  if (callable.result === "i64") emitResult(f, callable, code.module.place.stateAt);
  if (callable.result !== "void") ir.keep(value);
  if (mayStop) code.stopIfFaulted(func.imm(value));
  if (isIteratorNext(callable.name)) code.poll(func.imm(value));
}

/** Pushes the result, where there is one. @returns whether the call may leave a fault. */
function pushBody(ir: IrEmission, value: Value, via: Body): boolean {
  const { f, code, func } = ir;
  const { callee } = via;
  const { mayStop } = via.body;
  if (mayStop) f.i32.const(0).get(code.frame).i32.store(code.at(State.STACK_TOP));
  for (const i of callee.callable.args.keys()) {
    const arg = func.arg(value, i);
    if (!func.isWide(arg) || callee.callable.body.kind === "wasm") {
      // As the body takes it.
      ir.push(arg);
      continue;
    }
    // A host body takes halves, of what is computed once: two loads may come from before and after another's store.
    const whole = code.temporary("i64", "whole");
    ir.push(arg);
    f.tee(whole).i32.wrapI64();
    f.get(whole).i64.const(32).i64.shrU().i32.wrapI64();
  }
  f.call(code.module.body(via));
  return mayStop;
}

export function emitIrCallLocal(ir: IrEmission, value: Value): void {
  const { f, code, parts, func } = ir;
  const entry = func.imm(value);
  for (let i = 0; i < VERIFIED_ARGUMENTS; i++) ir.push(func.arg(value, i));
  f.get(code.frame).call(code.program.functions.get(entry)!);
  ir.keep(value);
  if (parts.mayStop.has(entry)) code.stopIfFaulted(func.high(value));
}

/** See `emitTailCall` of the first tier. */
export function emitIrTailCall(ir: IrEmission, value: Value): void {
  const { code, parts, func } = ir;
  const via = bodyAt(parts, func.imm(value));
  const target = emitCounted(code, () => {
    if (!pushProgram(ir, value)) pushBody(ir, value, via);
  });
  const { tailCall } = parts.targets;
  const known = knownPrograms(ir, value);
  emitGoOn(code, func.imm(value), target, { context: () => ir.push(func.arg(value, 0)), known, tailCall });
}

/** Programs that a tail call is compared with, at most. */
const MAX_COMPARED = 4;

/** Programs that are where the tail call looks now, and whose code stands in this module. */
function knownPrograms({ parts, func: ir }: IrEmission, value: Value): ReadonlyMap<number, Func> {
  const known = new Map<number, Func>();
  const { maps } = parts;
  const map = programArray(ir, maps, ir.arg(value, 1));
  if (maps === null || map === undefined) return known;
  const length = maps.field(map, "MAX_ENTRIES");
  const position = ir.arg(value, 2);
  const at = ir.imm(position) >>> 0;
  const [first, end] = ir.isConst(position) ? [at, at + 1] : [0, length];
  for (let i = first; i < Math.min(end, length) && known.size < MAX_COMPARED; i++) {
    const index = maps.wordAt(map, i);
    const func = index === 0 || known.has(index) ? null : parts.linked(index);
    if (func !== null) known.set(index, func);
  }
  return known;
}

function programArray(func: IrFunction, maps: KnownMaps | null, array: Value): number | undefined {
  const map = maps?.of(func, array);
  return map !== undefined && maps?.field(map, "TYPE") === BpfMapType.PROG_ARRAY ? map : undefined;
}

/** Pushes the program of a tail call, where its array is known. @returns whether it is. */
function pushProgram(ir: IrEmission, value: Value): boolean {
  const { f, code, parts, func } = ir;
  const { maps } = parts;
  const map = programArray(func, maps, func.arg(value, 1));
  if (maps === null || map === undefined) return false;
  const length = maps.field(map, "MAX_ENTRIES");
  const values = maps.field(map, "VALUES");
  const position = func.arg(value, 2);
  if (func.isConst(position)) {
    const at = func.imm(position) >>> 0;
    if (at < length) f.i32.const(values + 4 * at).i32.atomicLoad();
    else f.i32.const(0);
    return true;
  }
  const index = code.temporary("i32", "tail_index");
  ir.push(position);
  f.tee(index).i32.const(length).i32.ltU();
  f.if(
    () => f.get(index).i32.const(2).i32.shl().i32.const(values).i32.add().i32.atomicLoad(),
    () => f.i32.const(0),
    "i32",
  );
  return true;
}
