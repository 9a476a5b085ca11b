import { MemoryImports, type MemoryKind } from "../../mem/index.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../../wasm/index.ts";
import { emitArenaAddress, emitArenaCast, type PushArena } from "../emit-arena.ts";
import { emitLocate } from "../emit-locate.ts";
import { emitPointer } from "../emit-pointer.ts";
import { emitStart } from "../emit-start.ts";
import { emitSwap64 } from "../emit-swap.ts";
import { ADAPTER_SIGNATURE, ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "../signatures.ts";
import { State } from "../state.ts";
import type { ArmOptions } from "./arms.ts";
import { emitArenaInsn, emitDispatch } from "./emit-dispatch.ts";
import { emitDrive } from "./emit-drive.ts";
import { CODE_ARENA } from "./record.ts";

const I = "i32";
const L = "i64";

/** The arena of a program, from the header in front of its first record, which is the first parameter. */
const pushCodeArena: PushArena = (f) => f.get(f.params[0]!).i32.const(CODE_ARENA).i32.add().i32.load();

/**
 * The interpreter for one executor and mode. Exports `start` (see `emitStart`), `enter(record, context, stack) → r0`
 * for trampolines, `callback(first record, record, r1 … r5) → r0`, and `host`, the adapter of helpers
 * that are plain host functions.
 */
export function emitInterpreter(place: ArmOptions, kind: MemoryKind, check = false): Uint8Array {
  const m = new ModuleBuilder({ name: "interpreter", check });
  const memory = new MemoryImports(m, kind);
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const callThrough = m.importFunction(EXECUTOR_NAMESPACE, "callThrough", {
    params: [I, I, I],
    results: [I],
  });
  const callHost = m.importFunction(EXECUTOR_NAMESPACE, "callHost", ADAPTER_SIGNATURE);
  const regionCheck = memory.function("region_check");
  const quiesce = memory.function("quiesce");
  const swap64 = m.function("swap64", { params: [L], results: [L] });
  emitSwap64(swap64);
  const locate = m.function("locate", { params: [L, I, I], results: [I] });
  emitLocate(locate, place.stateAt, regionCheck);
  const arenaAddress = m.function("arena_address", { params: [I, L, I], results: [I] });
  emitArenaAddress(arenaAddress, pushCodeArena);
  const arenaCast = m.function("arena_cast", { params: [I, L], results: [L] });
  emitArenaCast(arenaCast, pushCodeArena);
  const dispatch = m.function("dispatch", { params: [I, I, I, I], results: [I] });
  const adapterType = m.type(ADAPTER_SIGNATURE);
  const arenaInsn = m.function("arena_insn", { params: [I, I, I, I] });
  const callees = { table, adapterType, locate, callThrough, swap64, arenaAddress, arenaCast, arenaInsn };
  emitArenaInsn(arenaInsn, callees, place);
  emitDispatch(dispatch, callees, place);
  const drive = m.function("drive", { params: [I, I, I, L, L, L, L, L], results: [L] });
  emitDrive(drive, { options: place, dispatch, table, entryType: m.type(ENTRY_SIGNATURE) });
  const start = m.function("start", { params: [I, I, I, I, I], results: [I] }, { export: true });
  emitStart(start, { ...place, quiesce }, ({ code, stackTop, r1, r2 }) => {
    start.get(code).get(code).get(stackTop);
    r1();
    r2();
    for (let i = 3; i <= 5; i++) start.i64.const(0);
    start.call(drive);
  });
  emitEnter(m.function("enter", { params: [I, I, I], results: [L] }, { export: true }), drive);
  emitCallback(
    m.function("callback", { params: [I, I, L, L, L, L, L], results: [L] }, { export: true }),
    place,
    drive,
  );
  const host = m.function("host", ADAPTER_SIGNATURE, { export: true });
  host.get(host.params[0]!).get(host.params[1]!).call(callHost);
  return m.finish();
}

function emitEnter(f: FunctionBuilder, drive: FunctionBuilder): void {
  const [code, context, stack] = f.params as [Local, Local, Local];
  f.get(code).get(code).get(stack);
  emitPointer(f, context);
  for (let i = 2; i <= 5; i++) f.i64.const(0);
  f.returnCall(drive);
}

function emitCallback(f: FunctionBuilder, place: ArmOptions, drive: FunctionBuilder): void {
  const [code, pc, ...args] = f.params as [Local, Local, ...Local[]];
  const result = f.local("i64", "result");
  const frameTop = f.local("i32", "frame_top");
  const stackTop = f.local("i32", "stack_top");
  f.i32
    .const(0)
    .i32.load(place.stateAt + State.FRAME_TOP)
    .set(frameTop);
  f.i32
    .const(0)
    .i32.load(place.stateAt + State.STACK_TOP)
    .set(stackTop);
  f.get(code).get(pc).get(stackTop);
  for (const arg of args) f.get(arg);
  f.call(drive).set(result);
  f.i32
    .const(0)
    .get(frameTop)
    .i32.store(place.stateAt + State.FRAME_TOP);
  f.i32
    .const(0)
    .get(stackTop)
    .i32.store(place.stateAt + State.STACK_TOP);
  f.get(result);
}
