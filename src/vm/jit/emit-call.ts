import type { Func, Local } from "../../wasm/index.ts";
import { emitArgument, emitResult } from "../emit-passing.ts";
import {
  FRAME_SIZE,
  FRAME_STACK,
  Frame,
  MAX_FRAMES,
  MAX_TAIL_CALLS,
  REGISTER_SIZE,
  State,
  THROWN,
} from "../state.ts";
import { isIteratorNext } from "./call-facts.ts";
import type { FunctionCode, Site } from "./function-code.ts";
import { CARRIED, VERIFIED_ARGUMENTS } from "./registers.ts";
import type { AdapterTarget, CallTarget, CallTargets, Reached } from "./targets.ts";

const R0 = 0;
const R10 = 10;

/** A call of a helper or kfunc. @returns whether the function ends with it. */
export function emitCallTarget(
  code: FunctionCode,
  site: Site,
  target: CallTarget,
  tailCall: CallTargets["tailCall"],
): boolean {
  switch (target.kind) {
    case "throw":
      emitThrow(code, () => code.r64(1));
      return true;
    case "tailCall":
      emitTailCall(code, site, target.via, tailCall);
      return false;
    case "call":
      emitCall(code, site, target.via);
      return false;
  }
}

function emitCall(code: FunctionCode, site: Site, via: Reached): void {
  if (via.kind === "adapter") {
    emitThroughWindow(code, site.slot, (window) => callAdapter(code, window, via));
    code.f.get(code.temporary("i32", "window")).i64.load(R0 * REGISTER_SIZE);
    code.set64(R0);
    return;
  }
  const { callable } = via.callee;
  const { mayStop } = pushBody(code, via);
  emitResult(code.f, callable, code.module.place.stateAt);
  code.set64(R0);
  if (mayStop) code.stopIfFaulted(site.slot);
  if (isIteratorNext(callable.name)) code.poll(site.slot);
}

/** Calls a body with the registers as they are: its result is on the stack as the body gives it. */
function pushBody(code: FunctionCode, via: Reached & { readonly kind: "body" }): { mayStop: boolean } {
  const { f } = code;
  const { callable } = via.callee;
  const { mayStop } = via.body;
  if (mayStop) noteFreeStack(code);
  for (const i of callable.args.keys()) {
    const register = i + 1;
    emitArgument(callable, i, {
      wide: () => code.r64(register),
      word: (half) => {
        if (half === 0) code.r32(register);
        else code.r64(register).i64.const(32).i64.shrU().i32.wrapI64();
      },
      byte: () => code.r32(register).i32.const(0xff).i32.and(),
    });
  }
  f.call(code.module.body(via));
  return { mayStop };
}

/** Says where callbacks may put their frames. */
function noteFreeStack(code: FunctionCode): void {
  code.f.i32.const(0).get(code.frame).i32.store(code.at(State.STACK_TOP));
}

/**
 * Writes the registers that arguments are in to a window, where adapters read them, and calls what `call` pushes the
 * FaultCode of.
 */
function emitThroughWindow(code: FunctionCode, slot: number, call: (window: Local) => void): void {
  const { f } = code;
  const window = code.temporary("i32", "window");
  f.i32.const(0).i32.load(code.at(State.FRAME_TOP)).tee(window);
  f.i32.const(code.module.place.framesEnd - FRAME_SIZE).i32.gtU();
  f.if(() => code.raise("stack", slot));
  for (const register of [0, 1, 2, 3, 4, 5, R10]) {
    f.get(window);
    code.r64(register).i64.store(register * REGISTER_SIZE);
  }
  f.get(window).i32.const(code.program.codeAt).i32.store(Frame.CODE);
  f.i32.const(0).get(window).i32.const(FRAME_SIZE).i32.add().i32.store(code.at(State.FRAME_TOP));
  noteFreeStack(code);
  code.spill();
  call(window);
  const status = code.temporary("i32", "status");
  f.set(status);
  f.i32.const(0).get(window).i32.store(code.at(State.FRAME_TOP));
  code.reload();
  f.get(status);
  f.if(() => code.fail(slot));
  code.forgetRegions();
}

function callAdapter(code: FunctionCode, window: Local, adapter: AdapterTarget): void {
  code.f.get(window).i32.const(adapter.argument).call(code.module.adapter(adapter));
}

/** The host finds out what the register names; programs that the verifier allows have no such call. */
export function emitCallReg(code: FunctionCode, { insn, row, slot }: Site): void {
  const register = row.source === "reg" ? insn.dst : insn.imm;
  emitThroughWindow(code, slot, (window) => {
    code.f.get(window);
    code.r32(register);
    code.r64(register).i64.const(32).i64.shrU().i32.wrapI64();
    code.f.call(code.module.callThrough);
  });
  code.f.get(code.temporary("i32", "window")).i64.load(R0 * REGISTER_SIZE);
  code.set64(R0);
}

/** A function of the program, with a stack frame below this one. */
export function emitCallLocal(code: FunctionCode, { slot }: Site, callee: number, mayStop: boolean): void {
  const { f } = code;
  if (code.depth !== undefined) {
    f.get(code.depth)
      .i32.const(MAX_FRAMES - 1)
      .i32.geU();
    f.if(() => code.raise("stack", slot));
  }
  code.spill();
  if (code.checked) for (let register = 0; register < CARRIED; register++) code.r64(register);
  else for (let register = 1; register <= VERIFIED_ARGUMENTS; register++) code.r64(register);
  f.get(code.frame);
  if (code.depth !== undefined) f.get(code.depth).i32.const(1).i32.add();
  f.call(code.program.functions.get(callee)!);
  code.set64(R0);
  code.reload();
  if (mayStop || code.checked) code.stopIfFaulted(slot);
  code.forgetRegions();
}

/**
 * `bpf_tail_call`: r2 is the program array, r3 the index. Where there is no program, or too many calls were made, the
 * program goes on. Otherwise the other program's result is that of this function.
 */
function emitTailCall(code: FunctionCode, site: Site, via: Reached, tailCall: () => unknown): void {
  const { f } = code;
  let target: Local;
  if (via.kind === "adapter") {
    target = code.temporary("i32", "target");
    emitThroughWindow(code, site.slot, (window) => callAdapter(code, window, via));
    f.i32.const(0).i32.load(code.at(State.TARGET)).set(target);
  } else {
    target = emitCounted(code, () => pushBody(code, via));
  }
  emitGoOn(code, site.slot, target, { context: () => code.r32(1), tailCall });
}

/** Finds the program of a tail call, 0 for none: what `push` pushes, unless too many calls were made. */
export function emitCounted(code: FunctionCode, push: () => void): Local {
  const { f } = code;
  const target = code.temporary("i32", "target");
  f.i32.const(0).set(target);
  f.i32.const(0).i32.load(code.at(State.TAIL_CALLS)).i32.const(MAX_TAIL_CALLS).i32.ltU();
  f.if(() => {
    push();
    // Only calls that go somewhere count.
    f.set(target).get(target);
    f.if(() => {
      f.i32.const(0).i32.const(0).i32.load(code.at(State.TAIL_CALLS)).i32.const(1).i32.add();
      f.i32.store(code.at(State.TAIL_CALLS));
    });
  });
  return target;
}

/**
 * Goes on with a program in place of this function, where there is one. `context` pushes its offset; `known` are
 * programs of this module by their function indices.
 */
export function emitGoOn(
  code: FunctionCode,
  slot: number,
  target: Local,
  {
    context,
    known = new Map(),
    tailCall,
  }: {
    readonly context: () => void;
    readonly known?: ReadonlyMap<number, Func>;
    readonly tailCall: () => unknown;
  },
): void {
  const { f } = code;
  const { place } = code.module;
  f.get(target);
  f.if(() => {
    if (code.context === undefined) {
      // The stack of a main function was tested when the run began; here callers' frames are above.
      f.get(code.stack)
        .i32.const(place.stackLow + ACTIVATION_STACK)
        .i32.ltU();
      f.if(() => code.raise("stack", slot));
    }
    code.uncountBehind(slot);
    code.spill();
    for (const [index, func] of known) {
      f.get(target).i32.const(index).i32.eq();
      f.if(() => {
        context();
        f.get(code.stack).returnCall(func);
      });
    }
    context();
    f.get(code.stack).get(target).returnCall(code.module.tailCall(tailCall()));
  });
}

/**
 * `bpf_throw` of the cookie that is pushed: all frames down to the main function's end; what began the run goes on with
 * the callback.
 */
export function emitThrow(code: FunctionCode, cookie: () => void): void {
  const { f } = code;
  f.i32.const(0).i32.const(THROWN).i32.store(code.at(State.FAULT));
  f.i32.const(0);
  cookie();
  f.i64.store(code.at(State.FAULT_ADDRESS));
  code.spill();
  f.i64.const(0).return();
}

/** Bytes that the deepest chain of frames of one activation needs. */
export const ACTIVATION_STACK = MAX_FRAMES * FRAME_STACK;
