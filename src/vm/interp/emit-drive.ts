import { interruptWord, KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { Func, FuncType, FunctionBuilder, Local, Table } from "../../wasm/index.ts";
import { FaultCode, FRAME_SIZE, FRAME_STACK, Frame, MAX_LOOPS, REGISTER_SIZE, State } from "../state.ts";
import { type ArmOptions, Status } from "./arms.ts";

/** Instructions between two looks at the interrupt word; a compiler that made better code meanwhile gets its turn. */
const QUANTUM = 1 << 16;

export interface DriveParts {
  readonly options: ArmOptions;
  readonly dispatch: Func;
  readonly table: Table;
  /** `(context, stack) → r0`: the type of program functions. */
  readonly entryType: FuncType;
}

/**
 * Body of `(program's first record, record, top of the stack, r1, r2, r3, r4, r5) → r0`: one activation of a program
 * or callback, from its first frame to that frame's exit. 0 where the run ended with a fault.
 */
export function emitDrive(f: FunctionBuilder, parts: DriveParts): void {
  const { options } = parts;
  const [code, pc, stack, ...args] = f.params as [Local, Local, Local, ...Local[]];
  const bottom = f.local("i32", "bottom");
  const base = f.local("i32", "base");
  const status = f.local("i32", "status");
  const result = f.local("i64", "result");
  const at = (word: number) => options.stateAt + word;
  const state = (word: number) => f.i32.const(0).i32.load(at(word));

  const fail = (kind: keyof typeof FaultCode): void => {
    f.i32.const(0).i32.const(FaultCode[kind]).i32.store(at(State.FAULT));
    f.i32.const(0).get(pc).i32.store(at(State.FAULT_PC));
    f.i32.const(0).get(base).i32.load(Frame.CODE).i32.store(at(State.FAULT_CODE));
    f.i64.const(0).return();
  };

  state(State.FRAME_TOP).tee(bottom).set(base);
  f.get(bottom)
    .i32.const(options.framesEnd - FRAME_SIZE)
    .i32.gtU();
  f.get(stack)
    .i32.const(options.stackLow + FRAME_STACK)
    .i32.ltU()
    .i32.or();
  f.if(() => {
    f.i32.const(0).i32.const(FaultCode.stack).i32.store(at(State.FAULT));
    f.i32.const(0).get(pc).i32.store(at(State.FAULT_PC));
    f.i32.const(0).get(code).i32.store(at(State.FAULT_CODE));
    f.i64.const(0).return();
  });
  if (options.checked) {
    // What earlier runs left behind must not be seen by code that nobody has verified.
    f.get(bottom).i32.const(0).i32.const(FRAME_SIZE).memoryFill();
    f.get(stack).i32.const(FRAME_STACK).i32.sub().i32.const(0).i32.const(FRAME_STACK).memoryFill();
  }
  for (const [i, arg] of args.entries())
    f.get(bottom)
      .get(arg)
      .i64.store((i + 1) * REGISTER_SIZE);
  f.get(bottom).get(stack).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
  f.i64.store(10 * REGISTER_SIZE);
  f.get(bottom).i32.const(MAX_LOOPS).i32.store(Frame.MAY_GOTO);
  f.get(bottom).i32.const(0).i32.store(Frame.RETURN);
  f.get(bottom).get(code).i32.store(Frame.CODE);
  f.get(bottom).i32.const(0).i32.store(Frame.DEPTH);

  const free = () => {
    f.i32.const(0).get(bottom).i32.store(at(State.FRAME_TOP));
    f.i32.const(0).get(stack).i32.store(at(State.STACK_TOP));
  };

  f.loop((again) => {
    f.get(pc).get(base).get(bottom);
    if (options.checked) emitQuota(f, at);
    else f.i32.const(0);
    f.call(parts.dispatch).tee(status).i32.eqz();
    f.if(() => {
      if (options.checked) emitBudgetTest(f, at, () => fail("budget"));
      free();
      f.get(bottom).i64.load().return();
    });
    f.get(status).i32.const(Status.PAUSE).i32.eq();
    f.if(() => {
      state(State.PC).set(pc);
      state(State.BASE).set(base);
      f.i32.const(0).i32.load(interruptWord(options.executor));
      f.if(() => fail("interrupted"));
      if (options.checked) emitBudgetTest(f, at, () => fail("budget"));
      f.br(again);
    });
    f.get(status).i32.const(Status.THROW).i32.eq();
    f.if(() => {
      if (options.checked) emitBudgetTest(f, at, () => fail("budget"));
      // All frames down to the main function's end, and the callback goes on in that one, with the cookie; without one
      // the cookie is the result. A program in place of a subprogram has a main function of its own.
      f.get(bottom);
      state(State.BASE).i64.load(REGISTER_SIZE).i64.store(REGISTER_SIZE);
      f.get(bottom).set(base);
      state(State.TARGET);
      f.if(() => {
        f.get(code);
        state(State.TARGET).i32.add().set(pc);
        f.br(again);
      });
      free();
      f.get(bottom).i64.load(REGISTER_SIZE).return();
    });
    f.get(status).i32.const(Status.TAIL_CALL).i32.eq();
    f.if(() => {
      if (options.checked) emitBudgetTest(f, at, () => fail("budget"));
      state(State.BASE).set(base);
      f.get(base).get(bottom).i32.eq();
      f.if(() => {
        // In place of this activation, however many follow one another.
        free();
        f.get(bottom).i32.load(REGISTER_SIZE).get(stack);
        state(State.TARGET).returnCallIndirect(parts.entryType, parts.table);
      });
      // In place of a subprogram's frame: the program's result is that of the call.
      f.get(base).i32.load(Frame.RETURN).set(pc);
      f.i32.const(0).get(base).i32.store(at(State.FRAME_TOP));
      f.get(base)
        .i32.load(REGISTER_SIZE)
        .get(base)
        .i32.load(10 * REGISTER_SIZE);
      state(State.TARGET).callIndirect(parts.entryType, parts.table).set(result);
      state(State.FAULT);
      f.if(() => f.i64.const(0).return());
      f.get(base).i32.const(FRAME_SIZE).i32.sub().tee(base).get(result).i64.store();
      f.br(again);
    });
  });
  f.i64.const(0);
}

/** Pushes how many instructions may run before the next look. */
function emitQuota(f: FunctionBuilder, at: (word: number) => number): void {
  const left = f.local("i64", "left");
  f.i32.const(0).i64.load(at(State.BUDGET)).i32.const(0).i64.load(at(State.EXECUTED)).i64.sub().tee(left);
  f.i64.const(QUANTUM).get(left).i64.const(QUANTUM).i64.ltS().select().i32.wrapI64();
}

function emitBudgetTest(f: FunctionBuilder, at: (word: number) => number, exceeded: () => void): void {
  f.i32.const(0).i64.load(at(State.EXECUTED)).i32.const(0).i64.load(at(State.BUDGET)).i64.gtS();
  f.if(exceeded);
}
