import { KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { Func, FuncType, FunctionBuilder, Label, Local, Table } from "../../wasm/index.ts";
import type { ExecutorPlace } from "../place.ts";
import { FaultCode, FRAME_STACK, type Frame, REGISTER_SIZE, State } from "../state.ts";
import { RECORD_SIZE, Record } from "./record.ts";

/** What the dispatch loop calls. */
export interface Callees {
  readonly table: Table;
  /** `(window, argument) → 0 or FaultCode`: the type of helper adapters. */
  readonly adapterType: FuncType;
  /** `(address, size, access) → 1 | 0`: finds the region and leaves it in the state block, or the fault. */
  readonly locate: Func;
  /** `(window, low, high) → status`: a call through a register. */
  readonly callThrough: Func;
  /** `(first record, address, size) → offset`: where bytes of the program's arena are; 0 where no page is there. */
  readonly arenaAddress: Func;
  /** `(first record, address) → address`: the user's address of an arena's. */
  readonly arenaCast: Func;
  /** `(record, window, unused, unused)`: does an instruction that concerns an arena. */
  readonly arenaInsn: Func;
  /** `(i64) → i64`: reverses eight bytes. */
  readonly swap64: Func;
}

/** How the interpreter's function ended. */
export const Status = {
  /** r0 is in the first window. */
  EXIT: 0,
  /** The quota is used up, or somebody asked for a look: it goes on at State.PC. */
  PAUSE: 1,
  FAULT: 2,
  /** To State.TARGET, in place of the frame in State.BASE. */
  TAIL_CALL: 3,
  /** `bpf_throw` in the frame in State.BASE; the callback's distance from the first record is in State.TARGET, or 0. */
  THROW: 4,
} as const;

export interface ArmOptions extends ExecutorPlace {
  /** Test every access, and count instructions. */
  readonly checked: boolean;
}

/** A range of addresses that was found accessible: 64-bit address of its first byte, and its length. */
export interface Window {
  readonly base: Local;
  readonly length: Local;
}

/**
 * What the arms of the dispatch loop share: locals, labels, and how operands are read and written. The function's
 * parameters are the record to begin with, its window, the first window of the activation, and (checked mode) how many
 * instructions it may run.
 */
export class Arms {
  readonly f: FunctionBuilder;
  readonly callees: Callees;
  readonly options: ArmOptions;
  /** Offset of the current record. */
  readonly pc: Local;
  /** Offset of the current window. */
  readonly base: Local;
  readonly bottom: Local;
  readonly quota: Local;
  /** `pc` plus 16 for each instruction that may still run: jumps keep the difference. */
  readonly credit: Local;
  readonly address: Local;
  readonly distance: Local;
  readonly i32A: Local;
  readonly i64A: Local;
  readonly i64B: Local;
  /** The 64-bit address of an access. */
  readonly ea: Local;
  readonly readable: Window;
  readonly writable: Window;
  readonly stack: Window;
  /** Continues with the next record. */
  next!: Label;
  /** Continues with the record at `pc`. */
  again!: Label;
  /** Ends with the fault that the state block names. */
  fault!: Label;
  /** Ends with {@link Status.PAUSE}, to go on at `pc`. */
  pause!: Label;

  constructor(f: FunctionBuilder, callees: Callees, options: ArmOptions) {
    this.f = f;
    this.callees = callees;
    this.options = options;
    const [pc, base, bottom, quota] = f.params as [Local, Local, Local, Local];
    this.pc = pc;
    this.base = base;
    this.bottom = bottom;
    this.quota = quota;
    this.credit = f.local("i32", "credit");
    this.address = f.local("i32", "address");
    this.distance = f.local("i32", "distance");
    this.i32A = f.local("i32", "a32");
    this.i64A = f.local("i64", "a64");
    this.i64B = f.local("i64", "b64");
    this.ea = f.local("i64", "ea");
    const window = (name: string): Window => ({
      base: f.local("i64", `${name}_base`),
      length: f.local("i64", `${name}_length`),
    });
    this.readable = window("readable");
    this.writable = window("writable");
    this.stack = window("stack");
  }

  /** Pushes the offset of register dst in the window, and keeps it in `address`. */
  dst(): FunctionBuilder {
    return this.f.get(this.base).get(this.pc).i32.load8U(Record.DST).i32.add();
  }

  src(): FunctionBuilder {
    return this.f.get(this.base).get(this.pc).i32.load8U(Record.SRC).i32.add();
  }

  /** Pushes the second operand with 64 bits. */
  operand64(source: "none" | "reg" | "imm"): FunctionBuilder {
    return source === "reg" ? this.src().i64.load() : this.f.get(this.pc).i64.load(Record.IMM);
  }

  /** Pushes the second operand with 32 bits. */
  operand32(source: "none" | "reg" | "imm"): FunctionBuilder {
    return source === "reg" ? this.src().i32.load() : this.f.get(this.pc).i32.load(Record.IMM);
  }

  /** Pushes the register with a number. */
  register64(number: number): FunctionBuilder {
    return this.f.get(this.base).i64.load(number * REGISTER_SIZE);
  }

  register32(number: number): FunctionBuilder {
    return this.f.get(this.base).i32.load(number * REGISTER_SIZE);
  }

  frame(word: (typeof Frame)[keyof typeof Frame]): FunctionBuilder {
    return this.f.get(this.base).i32.load(word);
  }

  state32(word: number): FunctionBuilder {
    return this.f.i32.const(0).i32.load(this.options.stateAt + word);
  }

  /** Writes what `value` pushes into a word of the state block. */
  setState32(word: number, value: () => void): FunctionBuilder {
    this.f.i32.const(0);
    value();
    return this.f.i32.store(this.options.stateAt + word);
  }

  /** Adds KERNEL_BASE to the offset that is on the stack. */
  asAddress(): FunctionBuilder {
    return this.f.i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
  }

  /** Goes to the record whose distance in bytes is in `distance`. */
  jump(): void {
    const { f } = this;
    f.get(this.pc).get(this.distance).i32.add().set(this.pc);
    this.charge();
    f.br(this.again);
  }

  /** Accounts for an instruction that moved `pc` by `distance`, and ends the function where the quota is used up. */
  charge(): void {
    if (!this.options.checked) return;
    const { f } = this;
    f.get(this.credit).get(this.distance).i32.add().i32.const(RECORD_SIZE).i32.sub().tee(this.credit);
    f.get(this.pc).i32.sub().i32.const(0).i32.ltS().brIf(this.pause);
  }

  /** Keeps the range of the stack that the current frame may access: its own, and those of its callers. */
  noteStack(): void {
    if (!this.options.checked) return;
    const { f } = this;
    f.get(this.base)
      .i64.load(10 * REGISTER_SIZE)
      .i64.const(FRAME_STACK)
      .i64.sub()
      .tee(this.stack.base)
      .set(this.i64A);
    f.i64.constPair(this.options.stackEnd, KERNEL_BASE_HIGH).get(this.i64A).i64.sub().set(this.stack.length);
  }

  /** Forgets the regions found last: a call may have changed them. */
  forgetRegions(): void {
    if (!this.options.checked) return;
    this.f.i64.const(0).set(this.readable.length).i64.const(0).set(this.writable.length);
  }

  /** Ends the run with a fault that has no address. */
  raise(kind: keyof typeof FaultCode): void {
    this.setState32(State.FAULT, () => this.f.i32.const(FaultCode[kind]));
    this.f.br(this.fault);
  }
}
