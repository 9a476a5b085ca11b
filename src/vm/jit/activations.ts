import { Control } from "../../mem/index.ts";
import type { Func, FunctionBuilder, Local } from "../../wasm/index.ts";
import { emitPointer } from "../emit-pointer.ts";
import { emitStart } from "../emit-start.ts";
import { CALLBACK_SIGNATURE, ENTRY_SIGNATURE } from "../signatures.ts";
import { FaultCode, State, THROWN } from "../state.ts";
import { ACTIVATION_STACK } from "./emit-call.ts";
import type { ModuleCode } from "./module-code.ts";
import { CARRIED, VERIFIED_ARGUMENTS } from "./registers.ts";

/** What leads into a program from outside: a run, a tail call, a callback. */
export class Activations {
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
    // A trap leaves the batch without a word: then none of its runs is known to have ended.
    f.i32.const(0).get(left).i32.store(at(State.LEFT));
    f.loop((again) => {
      set(State.TAIL_CALLS, 0);
      f.i32.const(0).i64.const(0).i64.store(at(State.EXECUTED));
      f.get(r1).i64.const(0).i32.const(place.stackEnd).call(run).set(result);
      f.i32.const(0).i32.load(Control.PENDING);
      f.if(() => f.i32.const(place.executor).call(quiesce));
      f.get(left).i32.const(1).i32.sub().tee(left).i32.eqz();
      f.i32.const(0).i32.load(at(State.FAULT)).i32.or().i32.eqz().brIf(again);
    });
    f.i32.const(0).get(left).i32.const(0).i32.load(at(State.FAULT)).i32.const(0).i32.ne().i32.add();
    f.i32.store(at(State.LEFT));
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
      const count = checked ? CARRIED : VERIFIED_ARGUMENTS;
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
