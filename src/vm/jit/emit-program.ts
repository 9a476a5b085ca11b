import { type IrFunction, irOf, optimise, type SlotCall } from "../../ir/index.ts";
import type { Insn } from "../../isa/index.ts";
import { Control, type MemoryKind } from "../../mem/index.ts";
import type { Func, FunctionBuilder, Local } from "../../wasm/index.ts";
import { CodeError } from "../code-error.ts";
import { emitPointer } from "../emit-pointer.ts";
import { emitStart } from "../emit-start.ts";
import { CALLBACK_SIGNATURE, CODE_BASE_HIGH, ENTRY_SIGNATURE } from "../signatures.ts";
import { FaultCode, State, THROWN } from "../state.ts";
import { callKnowledge, type KnownMaps, slotCallOf } from "./call-facts.ts";
import { type CodeFunction, CodeGraph } from "./code-graph.ts";
import { ACTIVATION_STACK } from "./emit-call.ts";
import { emitFunction, type ProgramParts } from "./emit-function.ts";
import { emitIrFunction } from "./emit-ir.ts";
import { type JitPlace, ModuleCode } from "./module-code.ts";
import { CARRIED } from "./registers.ts";
import type { CallTarget, CallTargets } from "./targets.ts";

export interface ProgramInput {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly checked: boolean;
  /** See `EngineInput`. */
  readonly exceptionCallback: number;
  readonly arena: number;
  /** Offset that names the program where callbacks are looked up. */
  readonly codeAt: number;
  /** Maps whose addresses are in the code: functions go through the SSA form then. Null: straight from instructions. */
  readonly optimised: KnownMaps | null;
}

export interface ProgramModule {
  readonly bytes: Uint8Array;
  /** What it imports from `EXECUTOR_NAMESPACE`. */
  readonly imports: ReadonlyMap<string, unknown>;
}

/**
 * The module of a program. Exports `start` (see `emitStart`), `entry(context, stack) →
 * r0`, and `callbackN(r1 … r5) → r0` for each function whose address the program takes, where N is its first slot.
 */
export function emitProgram(
  input: ProgramInput,
  place: JitPlace,
  kind: MemoryKind,
  targets: CallTargets,
  check = false,
): ProgramModule {
  const { name, checked, exceptionCallback } = input;
  const graph = new CodeGraph(name, input.insns, exceptionCallback > 0 ? [exceptionCallback] : []);
  const { arena, codeAt } = input;
  const module = new ModuleCode(name, { place, kind, checked, graph, arena, codeAt, check });
  const callbacks = new Map<number, number>();
  let throws = false;
  const noted: CallTargets = {
    helper: (slot, id) => targets.helper(slot, id),
    kfunc: (slot) => {
      const target = targets.kfunc(slot);
      if (target?.kind === "throw") throws = true;
      return target;
    },
    tailCall: () => targets.tailCall(),
    callback: (entry) => {
      const index = targets.callback(entry);
      callbacks.set(index, entry);
      return index;
    },
  };
  const functions = [...graph.entries].map((entry) => graph.function(entry));
  for (const { entry } of functions) {
    const f = module.m.function(entry === 0 ? name : `${name}@${entry}`, module.functionSignature);
    module.functions.set(entry, f);
  }
  const parts: ProgramParts = {
    name,
    module,
    targets: noted,
    catcher: exceptionCallback,
    mayStop: stopping(graph, functions),
    callbacks,
    maps: input.optimised,
    callOf: (slot) => {
      const row = graph.rows[slot]!;
      const target =
        row.name === "call_helper" ? noted.helper(slot, input.insns[slot]!.imm) : noted.kfunc(slot);
      if (target === null || target.kind === "throw") throw new CodeError(name, slot, "expected a call");
      return target;
    },
  };
  for (const func of functions) {
    const f = module.functions.get(func.entry)!;
    const ir = input.optimised === null ? null : optimisedForm(func, parts, input.optimised);
    if (ir === null) emitFunction(f, func, parts);
    else emitIrFunction(f, ir, parts);
  }
  new Activations(module, { catcher: exceptionCallback, throws }).emit(new Set(callbacks.values()));
  return { bytes: module.m.finish(), imports: module.imports };
}

/** A function after all passes; null where an instruction has no place in the SSA form. */
function optimisedForm(func: CodeFunction, parts: ProgramParts, maps: KnownMaps): IrFunction | null {
  const { graph } = parts.module;
  const { name, targets } = parts;
  if (func.blocks.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_OPTIMISED) return null;
  // The exception callback sees the memory of the main function's frame.
  if (parts.catcher > 0 && (func.entry === 0 || func.entry === parts.catcher)) return null;
  const targetOf = (slot: number): CallTarget | null =>
    graph.rows[slot]!.name === "call_helper"
      ? targets.helper(slot, graph.insns[slot]!.imm)
      : targets.kfunc(slot);
  const calleeOf = (slot: number) => {
    const { via } = parts.callOf(slot);
    if (via.kind !== "body") throw new CodeError(name, slot, "expected a body");
    return via.callee;
  };
  const ir = irOf({
    name,
    insns: graph.insns,
    rows: graph.rows,
    blocks: func.blocks,
    graph: func.graph,
    call: (slot) => {
      const target = targetOf(slot);
      if (target === null) {
        const what = graph.rows[slot]!.name === "call_helper" ? "helper" : "kfunc";
        throw new CodeError(
          name,
          slot,
          `expected a ${what} that exists, got ${what} ${graph.insns[slot]!.imm}`,
        );
      }
      return target.kind === "throw" ? THROWS : slotCallOf(calleeOf(slot).callable, target.kind);
    },
    functionAddress: (slot) => ({
      low: targets.callback(slot + 1 + graph.insns[slot]!.imm),
      high: CODE_BASE_HIGH,
    }),
  });
  if (ir !== null) optimise(ir, callKnowledge(calleeOf, maps));
  return ir;
}

/** Slots of a function: Wasm limits how many locals one has, and V8 takes long for large ones. */
const MAX_OPTIMISED = 20_000;

const THROWS: SlotCall = { kind: "throw", args: [], result: "none" };

/** Functions that may return with a fault: those that poll or call anything but such as do neither. */
function stopping(graph: CodeGraph, functions: readonly CodeFunction[]): Set<number> {
  const found = new Set<number>();
  const callers = new Map<number, number[]>();
  const work: number[] = [];
  for (const { entry, blocks } of functions) {
    const add = () => {
      if (found.has(entry)) return;
      found.add(entry);
      work.push(entry);
    };
    for (const { start, end } of blocks) {
      for (let slot = start; slot < end; slot++) {
        const row = graph.rows[slot];
        if (row?.kind === "mayGoto") add();
        if (row?.kind !== "call") continue;
        if (row.name !== "call_local") {
          add();
          continue;
        }
        const callee = slot + 1 + graph.insns[slot]!.imm;
        callers.set(callee, [...(callers.get(callee) ?? []), entry]);
      }
    }
  }
  for (let entry = work.pop(); entry !== undefined; entry = work.pop()) {
    for (const caller of callers.get(entry) ?? []) {
      if (found.has(caller)) continue;
      found.add(caller);
      work.push(caller);
    }
  }
  return found;
}

/** What leads into a program from outside: a run, a tail call, a callback. */
class Activations {
  readonly #module: ModuleCode;
  readonly #catcher: number;
  readonly #throws: boolean;

  constructor(
    module: ModuleCode,
    { catcher, throws }: { readonly catcher: number; readonly throws: boolean },
  ) {
    this.#module = module;
    this.#catcher = catcher;
    this.#throws = throws;
  }

  emit(callbacks: ReadonlySet<number>): void {
    const { m, place, memory } = this.#module;
    const entry = m.function("entry", ENTRY_SIGNATURE, { export: true });
    const [context, stack] = entry.params as [Local, Local];
    this.#activate(entry, 0, stack, [() => emitPointer(entry, context)]);
    const start = m.function(
      "start",
      { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
      { export: true },
    );
    const run = m.function("run", { params: ["i64", "i64", "i32"], results: ["i64"] });
    const [r1, r2, top] = run.params as [Local, Local, Local];
    this.#activate(run, 0, top, [() => run.get(r1), () => run.get(r2)]);
    const quiesce = memory.function("quiesce");
    emitStart(start, { ...place, quiesce }, (begin) => {
      begin.r1();
      begin.r2();
      start.get(begin.stackTop).call(run);
    });
    this.#batch(run, quiesce);
    for (const entryOf of callbacks) this.#callback(entryOf);
  }

  /** Run after run on the same context, without leaving Wasm. */
  #batch(run: Func, quiesce: Func): void {
    const { m, place } = this.#module;
    const f = m.function("batch", { params: ["i32", "i32", "i32"], results: ["i32"] }, { export: true });
    const [context, contextHigh, left] = f.params as [Local, Local, Local];
    const r1 = f.local("i64", "r1");
    const result = f.local("i64", "result");
    const at = (word: number) => place.stateAt + word;
    const set = (word: number, value: number) => f.i32.const(0).i32.const(value).i32.store(at(word));
    f.get(context)
      .i64.extendI32U()
      .get(contextHigh)
      .i64.extendI32U()
      .i64.const(32)
      .i64.shl()
      .i64.or()
      .set(r1);
    for (const word of [State.FAULT, State.FAULT_PC]) set(word, 0);
    set(State.FRAME_TOP, place.framesAt);
    f.i32.const(0).get(context).i32.store(at(State.CONTEXT));
    f.loop((again) => {
      set(State.TAIL_CALLS, 0);
      f.i32.const(0).i64.const(0).i64.store(at(State.EXECUTED));
      f.get(r1).i64.const(0).i32.const(place.stackEnd).call(run).set(result);
      f.i32.const(0).i32.load(Control.PENDING);
      f.if(() => f.i32.const(place.executor).call(quiesce));
      f.get(left).i32.const(1).i32.sub().tee(left).i32.eqz();
      f.i32.const(0).i32.load(at(State.FAULT)).i32.or().i32.eqz().brIf(again);
    });
    f.i32.const(0).get(result).i64.const(32).i64.shrU().i32.wrapI64().i32.store(at(State.RESULT_HIGH));
    f.get(result).i32.wrapI64();
  }

  /** What a helper calls: the stack is free from State.STACK_TOP on. */
  #callback(entry: number): void {
    const { m, place } = this.#module;
    const f = m.function(`callback${entry}`, CALLBACK_SIGNATURE, { export: true });
    const inner = m.function(`from_helper${entry}`, {
      params: [...CALLBACK_SIGNATURE.params, "i32"],
      results: ["i64"],
    });
    const stack = inner.params[5]!;
    this.#activate(
      inner,
      entry,
      stack,
      inner.params.slice(0, 5).map((param) => () => inner.get(param)),
    );
    const at = place.stateAt + State.STACK_TOP;
    const top = f.local("i32", "stack_top");
    const result = f.local("i64", "result");
    f.i32.const(0).i32.load(at).set(top);
    for (const param of f.params) f.get(param);
    f.get(top).call(inner).set(result);
    f.i32.const(0).get(top).i32.store(at);
    f.get(result);
  }

  /** Runs a function of the program from its first frame to that frame's exit: 0 where it ended with a fault. */
  #activate(f: FunctionBuilder, entry: number, stack: Local, args: readonly (() => void)[]): void {
    const { place, checked } = this.#module;
    const at = (word: number) => place.stateAt + word;
    const call = (callee: number, first: readonly (() => void)[]): void => {
      // Registers as a run begins with them: r0 (where it is a parameter) and those behind the arguments are 0.
      const count = checked ? CARRIED : 5;
      const skipped = checked ? 1 : 0;
      for (let i = 0; i < count; i++) {
        const arg = first[i - skipped];
        if (arg === undefined) f.i64.const(0);
        else arg();
      }
      f.get(stack);
      if (checked) f.i32.const(0);
      f.call(this.#module.functions.get(callee)!);
    };
    f.get(stack)
      .i32.const(place.stackLow + ACTIVATION_STACK)
      .i32.ltU();
    f.if(() => {
      f.i32.const(0).i32.const(FaultCode.stack).i32.store(at(State.FAULT));
      f.i32.const(entry).call(this.#module.noteFault);
      f.i64.const(0).return();
    });
    call(entry, args);
    if (!this.#throws) return;
    const result = f.local("i64", "result");
    f.set(result);
    f.i32.const(0).i32.load(at(State.FAULT)).i32.const(THROWN).i32.eq();
    f.if(() => {
      f.i32.const(0).i32.const(0).i32.store(at(State.FAULT));
      f.i32.const(0).i64.load(at(State.FAULT_ADDRESS)).set(result);
      if (this.#catcher > 0) {
        call(this.#catcher, [() => f.get(result)]);
        f.set(result);
      }
    });
    f.get(result);
    // A fault leaves no result.
    f.i64.const(0).i32.const(0).i32.load(at(State.FAULT)).i32.eqz().select();
  }
}
