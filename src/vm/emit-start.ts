import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import type { ExecutorPlace } from "./place.ts";
import { State } from "./state.ts";

export interface StartParts extends ExecutorPlace {
  readonly quiesce: Func;
}

/** What a run begins with: the first word that `start` was given, the top of its stack, and pushers of r1 and r2. */
export interface RunStart {
  readonly code: Local;
  readonly stackTop: Local;
  /** Low half of r1. */
  readonly context: Local;
  readonly r1: () => void;
  readonly r2: () => void;
}

/**
 * Body of `(code, r1 low, r1 high, r2, outermost) → low half of r0`: a run as the host starts it. Keeps the
 * high half, and forgets what an earlier run left where it is the outermost one.
 *
 * @param run pushes r0.
 */
export function emitStart(f: FunctionBuilder, parts: StartParts, run: (start: RunStart) => void): void {
  const [code, context, contextHigh, second, outermost] = f.params as [Local, Local, Local, Local, Local];
  const result = f.local("i64", "result");
  const tails = f.local("i32", "tails");
  const outer = f.local("i32", "outer_context");
  const frameTop = f.local("i32", "frame_top");
  const stackTop = f.local("i32", "stack_top");
  const at = (word: number) => parts.stateAt + word;
  const set = (word: number, value: () => void): void => {
    f.i32.const(0);
    value();
    f.i32.store(at(word));
  };
  f.get(outermost);
  f.if(() => {
    set(State.FAULT, () => f.i32.const(0));
    set(State.FAULT_PC, () => f.i32.const(0));
    set(State.FRAME_TOP, () => f.i32.const(parts.framesAt));
    set(State.STACK_TOP, () => f.i32.const(parts.stackEnd));
    f.i32.const(0).i64.const(0).i64.store(at(State.EXECUTED));
  });
  const kept: readonly [number, Local][] = [
    [State.TAIL_CALLS, tails],
    [State.CONTEXT, outer],
    [State.FRAME_TOP, frameTop],
    [State.STACK_TOP, stackTop],
  ];
  for (const [word, local] of kept) f.i32.const(0).i32.load(at(word)).set(local);
  set(State.TAIL_CALLS, () => f.i32.const(0));
  set(State.CONTEXT, () => f.get(context));
  run({
    code,
    stackTop,
    context,
    r1: () =>
      f.get(context).i64.extendI32U().get(contextHigh).i64.extendI32U().i64.const(32).i64.shl().i64.or(),
    r2: () => f.get(second).i64.extendI32U(),
  });
  f.set(result);
  for (const [word, local] of kept) set(word, () => f.get(local));
  set(State.RESULT_HIGH, () => f.get(result).i64.const(32).i64.shrU().i32.wrapI64());
  f.get(outermost);
  f.if(() => f.i32.const(parts.executor).call(parts.quiesce));
  f.get(result).i32.wrapI64();
}
