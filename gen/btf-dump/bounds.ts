import { Failure, MAX_DEPTH } from "../../src/btf/dump/dump-failure.ts";
import type { Func, Global, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  any,
  body,
  bump,
  type Code,
  call,
  declare,
  gtS,
  ltS,
  set,
  sub,
  trap,
  type Value,
  when,
} from "./expressions.ts";

/**
 * Keeps a walk over hostile types from filling the stack or running forever: types that refer to each other can
 * describe declarations of exponential length in a few bytes. A kernel's types take 0.4 steps for each word of data.
 */
export interface Bounds {
  /** Steps that are left, and how deep the walk is. */
  readonly steps: Global;
  readonly depth: Global;
  readonly failure: Global;
  readonly failedType: Global;
  enter(id: Value): Code;
  readonly leave: Code;
  step(id: Value): Code;
  /** Ends the walk: the host tells why by `failure` and the type. */
  fail(id: Value, why: number): Code;
}

export function emitBounds(m: ModuleBuilder): Bounds {
  const global = (name: string): Global => {
    const made = m.global(name, "i32", { mutable: true });
    m.export(name, made);
    return made;
  };
  const steps = global("steps");
  const depth = global("depth");
  const failure = global("failure");
  const failedType = global("failed_type");
  const fail =
    (id: Value, why: number): Code =>
    (place) => {
      for (const code of [set(failedType, id), set(failure, why), trap]) code(place);
    };
  const step: Func = emitStep();
  const enter: Func = emitEnter();
  return {
    steps,
    depth,
    failure,
    failedType,
    enter: (id) => call(enter, id),
    leave: set(depth, sub(depth, 1)),
    step: (id) => call(step, id),
    fail,
  };

  function emitStep(): Func {
    const f = declare(m, "step", ["i32"]);
    body(f, set(steps, sub(steps, 1)), when(ltS(steps, 0), [fail(f.params[0]!, Failure.ENDLESS)]));
    return f;
  }

  function emitEnter(): Func {
    const f = declare(m, "enter", ["i32"]);
    const id = f.params[0]!;
    body(
      f,
      bump(depth, 1),
      set(steps, sub(steps, 1)),
      when(any(gtS(depth, MAX_DEPTH), ltS(steps, 0)), [
        when(gtS(depth, MAX_DEPTH), [fail(id, Failure.NESTING)]),
        fail(id, Failure.ENDLESS),
      ]),
    );
    return f;
  }
}
