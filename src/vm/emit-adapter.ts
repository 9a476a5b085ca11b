import type { ArgumentCheck, Callable, EmitEnvironment } from "../helpers/index.ts";
import type { Func, FunctionBuilder, Local, ModuleBuilder, Signature } from "../wasm/index.ts";
import type { ArgumentTests } from "./emit-argument-tests.ts";
import { bodySignature, emitArgument, emitResult } from "./emit-passing.ts";
import { ADAPTER_SIGNATURE } from "./signatures.ts";
import { MAX_TAIL_CALLS, REGISTER_SIZE, State } from "./state.ts";

/** `bpf_tail_call`: its body gives the function to go on with, and the engine goes there. */
export const TAIL_CALL = 12;

/** What an adapter is emitted with. */
export interface AdapterParts {
  readonly environment: EmitEnvironment;
  readonly stateAt: number;
  /** Null in verified mode. */
  readonly tests: ArgumentTests | null;
  /** The imported host function of something whose body is one. */
  readonly host: (callee: Callee, signature: Signature) => Func;
}

/** What an adapter is for, with the number that faults name it by. */
export interface Callee {
  /** The id of a helper; kfuncs have numbers above all of those. */
  readonly number: number;
  readonly callable: Callable;
}

/**
 * Emits `(window, unused) → FaultCode or 0`: takes the arguments of a helper or kfunc from r1 to r5 of a window, tests
 * them in checked mode, calls the body and puts the result into r0.
 */
export function emitAdapter(m: ModuleBuilder, callee: Callee, parts: AdapterParts): FunctionBuilder {
  const { number, callable } = callee;
  const f = m.function(`adapter ${callable.name}`, ADAPTER_SIGNATURE, { export: `h${number}` });
  const [window] = f.params as [Local, Local];
  const { stateAt } = parts;
  if (parts.tests !== null) emitTests(f, window, callee, parts.tests);
  if (number === TAIL_CALL) {
    f.i32
      .const(0)
      .i32.const(0)
      .i32.store(stateAt + State.TARGET);
    f.i32
      .const(0)
      .i32.load(stateAt + State.TAIL_CALLS)
      .i32.const(MAX_TAIL_CALLS)
      .i32.geU();
    f.if(() => f.i32.const(0).return());
    f.i32.const(0);
    emitBody(m, f, window, callee, parts);
    f.i32.store(stateAt + State.TARGET);
    // Only calls that go somewhere count.
    f.i32
      .const(0)
      .i32.const(0)
      .i32.load(stateAt + State.TAIL_CALLS);
    f.i32
      .const(0)
      .i32.load(stateAt + State.TARGET)
      .i32.const(0)
      .i32.ne()
      .i32.add();
    f.i32.store(stateAt + State.TAIL_CALLS);
    f.i32.const(0);
    return f;
  }
  f.get(window);
  emitBody(m, f, window, callee, parts);
  emitResult(f, callable, stateAt);
  f.i64.store();
  // A body may have run a callback that ended with a fault.
  f.i32.const(0).i32.load(stateAt + State.FAULT);
  return f;
}

/** Pushes the arguments and calls the body: its result is on the stack as the body gives it. */
function emitBody(
  m: ModuleBuilder,
  f: FunctionBuilder,
  window: Local,
  callee: Callee,
  parts: AdapterParts,
): void {
  const argument = (i: number) => ({
    wide: () => f.get(window).i64.load((i + 1) * REGISTER_SIZE),
    word: (half: 0 | 1) => f.get(window).i32.load((i + 1) * REGISTER_SIZE + 4 * half),
    byte: () => f.get(window).i32.load8U((i + 1) * REGISTER_SIZE),
  });
  for (const i of callee.callable.args.keys()) emitArgument(callee.callable, i, argument(i));
  f.call(bodyOf(m, callee, parts));
}

function bodyOf(m: ModuleBuilder, callee: Callee, parts: AdapterParts): Func {
  const { name, body } = callee.callable;
  const signature = bodySignature(callee.callable);
  if (body.kind === "host") return parts.host(callee, signature);
  const func = m.function(name, signature);
  body.emit(func, parts.environment);
  return func;
}

function emitTests(f: FunctionBuilder, window: Local, callee: Callee, tests: ArgumentTests): void {
  const { number, callable } = callee;
  for (const [i, check] of callable.checks.entries())
    emitTest(f, { window, number, check, argument: i + 1 }, tests);
}

interface Test {
  readonly window: Local;
  /** Of the callee. */
  readonly number: number;
  readonly check: ArgumentCheck;
  /** Counted from 1. */
  readonly argument: number;
}

function emitTest(f: FunctionBuilder, { window, number, check, argument }: Test, tests: ArgumentTests): void {
  const id = (number << 3) | argument;
  const at = argument * REGISTER_SIZE;
  const refuse = () => f.i32.eqz().if(() => f.i32.const(tests.faultCode).return());
  const memory = (write: boolean, size: () => void) => {
    f.get(window);
    size();
    f.i32
      .const(write ? 1 : 0)
      .i32.const(id)
      .call(tests.memory);
    refuse();
  };
  const unlessNull = (nullable: boolean | undefined, test: () => void) => {
    if (nullable !== true) test();
    else f.get(window).i64.load(at).i64.eqz().i32.eqz().if(test);
  };
  const ofMap = (field: number) =>
    f.get(window).i32.load(REGISTER_SIZE).i32.const(field).i32.add().i32.load();
  switch (check.kind) {
    case "anything":
      return;
    case "context":
      f.get(window).i32.const(id).call(tests.context);
      refuse();
      return;
    case "function": {
      const test = () => {
        f.get(window).i32.const(id).call(tests.callback);
        refuse();
      };
      if (check.rounds === undefined) test();
      else
        f.get(window)
          .i32.load(check.rounds * REGISTER_SIZE)
          .if(test);
      return;
    }
    case "map":
      f.get(window).i32.const(id).call(tests.map);
      refuse();
      return;
    case "mapKey":
      memory(false, () => ofMap(tests.keySizeAt));
      return;
    case "mapValue":
      unlessNull(check.nullable, () => memory(check.write ?? false, () => ofMap(tests.valueSizeAt)));
      return;
    case "fixedMemory":
      memory(check.write ?? false, () => f.i32.const(check.bytes));
      return;
    case "memory":
      unlessNull(check.nullable, () =>
        memory(check.write ?? false, () => f.get(window).i32.load(check.size * REGISTER_SIZE)),
      );
  }
}
