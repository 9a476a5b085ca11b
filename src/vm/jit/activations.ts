import { Control, interruptWord } from "../../mem/index.ts";
import type { Func, FunctionBuilder, Local } from "../../wasm/index.ts";
import { emitPointer } from "../emit-pointer.ts";
import { emitStart } from "../emit-start.ts";
import { CALLBACK_SIGNATURE, ENTRY_SIGNATURE } from "../signatures.ts";
import { FaultCode, State, THROWN } from "../state.ts";
import { ACTIVATION_STACK } from "./emit-call.ts";
import type { ModuleCode } from "./module-code.ts";
import type { ProgramCode } from "./program-code.ts";
import { CARRIED, VERIFIED_ARGUMENTS } from "./registers.ts";

/** What is known of a program's runs. */
export interface RunFacts {
  /** First slot of the exception callback; 0 for none. */
  readonly catcher: number;
  /** Whether it calls `bpf_throw`. */
  readonly throws: boolean;
  /** Whether a run may end with a fault, or calls anything that looks at the state block. */
  readonly stops: boolean;
}

/** What leads into a program from outside: a run, a tail call, a callback. */
export class Activations {
  readonly #module: ModuleCode;
  /** By first slot. */
  readonly #functions: ProgramCode["functions"];
  readonly #facts: RunFacts;

  constructor({ module, functions }: ProgramCode, facts: RunFacts) {
    this.#module = module;
    this.#functions = functions;
    this.#facts = facts;
  }

  emit(callbacks: ReadonlySet<number>): void {
    const { m, place, memory, checked } = this.#module;
    const quiesce = memory.function("quiesce");
    const start = m.function(
      "start",
      { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
      { export: true },
    );
    const run = checked ? this.#checkedRun() : this.#verifiedRun();
    emitStart(start, { ...place, quiesce }, (begin) => {
      if (checked) {
        begin.r1();
        begin.r2();
      } else {
        start.get(begin.context);
      }
      start.get(begin.stackTop).call(run);
    });
    this.#alone(run, quiesce);
    this.#batch(run, quiesce);
    for (const entryOf of callbacks) this.#callback(entryOf);
  }

  /** `(r1, r2, stack) → r0`. What tail calls go on with has the context alone. */
  #checkedRun(): Func {
    const { m } = this.#module;
    const run = m.function("run", { params: ["i64", "i64", "i32"], results: ["i64"] });
    const [r1, r2, top] = run.params as [Local, Local, Local];
    this.#activate(run, 0, top, [() => run.get(r1), () => run.get(r2)]);
    const entry = m.function("entry", ENTRY_SIGNATURE, { export: true });
    const [context, stack] = entry.params as [Local, Local];
    this.#activate(entry, 0, stack, [() => emitPointer(entry, context)]);
    return run;
  }

  /** `(context, stack) → r0`. Tail calls, which have tested their stack, go on with the main function itself. */
  #verifiedRun(): Func {
    const { m } = this.#module;
    const run = m.function("run", ENTRY_SIGNATURE);
    const [context, stack] = run.params as [Local, Local];
    this.#activate(run, 0, stack, [() => run.get(context)]);
    m.export("entry", this.#facts.throws ? run : this.#functions.get(0)!);
    return run;
  }

  /** One run that nothing is around: less is to be kept, and put back, than by `start`. */
  #alone(run: Func, quiesce: Func): void {
    const { m, place } = this.#module;
    const { throws, stops } = this.#facts;
    const f = m.function("alone", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
    const [context, contextHigh] = f.params as [Local, Local];
    const result = f.local("i64", "result");
    // A program that calls nothing has nobody who looks at the rest.
    const looks = stops || throws;
    if (looks) {
      this.#begin(f, context);
      this.#setWord(f, State.STACK_TOP, () => f.i32.const(place.stackEnd));
      this.#setWord(f, State.TAIL_CALLS, () => f.i32.const(0));
    } else {
      this.#forget(f);
    }
    this.#callRun(f, run, context, contextHigh);
    f.set(result);
    if (looks) this.#setWord(f, State.CONTEXT, () => f.i32.const(0));
    f.i32.const(0).i32.load(Control.PENDING);
    f.if(() => f.i32.const(place.executor).call(quiesce));
    this.#giveResult(f, result);
  }

  /** Run after run on the same context, without leaving Wasm. */
  #batch(run: Func, quiesce: Func): void {
    const { m, place, checked } = this.#module;
    const { throws, stops } = this.#facts;
    const f = m.function("batch", { params: ["i32", "i32", "i32"], results: ["i32"] }, { export: true });
    const [context, contextHigh, left] = f.params as [Local, Local, Local];
    const result = f.local("i64", "result");
    const at = (word: number) => place.stateAt + word;
    const set = (word: number, value: number) => this.#setWord(f, word, () => f.i32.const(value));
    this.#begin(f, context);
    // A trap leaves the batch without a word: then none of its runs is known to have ended.
    this.#setWord(f, State.LEFT, () => f.get(left));
    f.loop((again) => {
      if (stops) set(State.TAIL_CALLS, 0);
      if (checked) f.i32.const(0).i64.const(0).i64.store(at(State.EXECUTED));
      this.#callRun(f, run, context, contextHigh);
      f.set(result).i32.const(0).i32.load(Control.PENDING);
      f.if(() => f.i32.const(place.executor).call(quiesce));
      f.get(left).i32.const(1).i32.sub().tee(left).i32.eqz();
      if (stops || throws) {
        f.i32.const(0).i32.load(at(State.FAULT)).i32.or();
        f.i32.const(0).i32.load(interruptWord(place.executor)).i32.or();
      }
      f.i32.eqz().brIf(again);
    });
    if (stops || throws) {
      // Loops of the last run may have been cut short.
      f.i32
        .const(0)
        .i32.load(interruptWord(place.executor))
        .i32.const(0)
        .i32.load(at(State.FAULT))
        .i32.eqz()
        .i32.and();
      f.if(() => set(State.FAULT, FaultCode.interrupted));
      f.get(left).i32.const(0).i32.load(at(State.FAULT)).i32.const(0).i32.ne().i32.add().set(left);
    }
    this.#setWord(f, State.LEFT, () => f.get(left));
    this.#giveResult(f, result);
  }

  #begin(f: FunctionBuilder, context: Local): void {
    this.#forget(f);
    this.#setWord(f, State.FRAME_TOP, () => f.i32.const(this.#module.place.framesAt));
    this.#setWord(f, State.CONTEXT, () => f.get(context));
  }

  /** What earlier runs left is forgotten. */
  #forget(f: FunctionBuilder): void {
    const { place } = this.#module;
    for (const word of [State.FAULT, State.FAULT_PC]) this.#setWord(f, word, () => f.i32.const(0));
    f.i32
      .const(0)
      .i64.const(0)
      .i64.store(place.stateAt + State.EXECUTED);
  }

  /** Pushes r0. The stack is whole: where there is nothing to catch, the main function is called as it is. */
  #callRun(f: FunctionBuilder, run: Func, context: Local, contextHigh: Local): void {
    const { place, checked } = this.#module;
    f.get(context);
    if (checked)
      f.i64.extendI32U().get(contextHigh).i64.extendI32U().i64.const(32).i64.shl().i64.or().i64.const(0);
    f.i32.const(place.stackEnd).call(checked || this.#facts.throws ? run : this.#functions.get(0)!);
  }

  /** Pushes the low half of a result, and leaves the high one in the state block. */
  #giveResult(f: FunctionBuilder, result: Local): void {
    this.#setWord(f, State.RESULT_HIGH, () => f.get(result).i64.const(32).i64.shrU().i32.wrapI64());
    f.get(result).i32.wrapI64();
  }

  #setWord(f: FunctionBuilder, word: number, push: () => unknown): void {
    f.i32.const(0);
    push();
    f.i32.store(this.#module.place.stateAt + word);
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
    const { place } = this.#module;
    const { catcher, throws } = this.#facts;
    const at = (word: number) => place.stateAt + word;
    f.get(stack)
      .i32.const(place.stackLow + ACTIVATION_STACK)
      .i32.ltU();
    f.if(() => {
      f.i32.const(0).i32.const(FaultCode.stack).i32.store(at(State.FAULT));
      f.i32.const(entry).call(this.#module.noteFault);
      f.i64.const(0).return();
    });
    this.#call(f, entry, args, () => f.get(stack));
    if (!throws) return;
    const result = f.local("i64", "result");
    f.set(result);
    f.i32.const(0).i32.load(at(State.FAULT)).i32.const(THROWN).i32.eq();
    f.if(() => {
      f.i32.const(0).i32.const(0).i32.store(at(State.FAULT));
      f.i32.const(0).i64.load(at(State.FAULT_ADDRESS)).set(result);
      if (catcher > 0) {
        this.#call(f, catcher, [() => f.get(result)], () => f.get(stack));
        f.set(result);
      }
    });
    f.get(result);
    // A fault leaves no result.
    f.i64.const(0).i32.const(0).i32.load(at(State.FAULT)).i32.eqz().select();
  }

  /**
   * Calls a function with registers as a run begins with them: r0 (where it is a parameter) and those behind the
   * arguments are 0.
   */
  #call(f: FunctionBuilder, callee: number, args: readonly (() => void)[], stack: () => void): void {
    const { checked } = this.#module;
    const count = checked ? CARRIED : callee === 0 ? args.length : VERIFIED_ARGUMENTS;
    if (checked) f.i64.const(0);
    for (let i = checked ? 1 : 0; i < count; i++) {
      const arg = args[checked ? i - 1 : i];
      if (arg === undefined) f.i64.const(0);
      else arg();
    }
    stack();
    if (checked) f.i32.const(0);
    f.call(this.#functions.get(callee)!);
  }
}
