import type { Insn, InsnRow } from "../../isa/index.ts";
import { interruptWord, KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import { emitPointer } from "../emit-pointer.ts";
import { ENTRY_SIGNATURE } from "../signatures.ts";
import { FaultCode, FRAME_STACK, MAX_LOOPS, State } from "../state.ts";
import type { ModuleCode } from "./module-code.ts";
import type { ProgramCode } from "./program-code.ts";
import { CARRIED, VERIFIED_ARGUMENTS } from "./registers.ts";

const R1 = 1;
const R10 = 10;

/** A range of addresses that was found accessible: 64-bit address of its first byte, and its length. */
export interface AccessWindow {
  readonly base: Local;
  readonly length: Local;
}

/** One instruction where it is emitted. */
export interface Site {
  readonly insn: Insn;
  readonly row: InsnRow;
  /** Its first slot. */
  readonly slot: number;
}

/**
 * The code of one function while it is emitted: its registers are locals. What is counted and tested in checked mode
 * is kept in locals too, and in the state block around calls.
 */
export class FunctionCode {
  readonly f: FunctionBuilder;
  readonly program: ProgramCode;
  readonly module: ModuleCode;
  /** Offset behind this function's frame. */
  readonly stack: Local;
  /** Of the main function of verified code: the offset of the context, which r1 is the address of. */
  readonly context: Local | undefined;
  /** Checked mode: frames above this one. */
  readonly depth: Local | undefined;
  /** Behind the last slot of the block that is emitted. */
  blockEnd = 0;
  /** See `ProgramInput`. */
  readonly counting: boolean;
  readonly #registers: (Local | undefined)[];
  readonly #temporaries = new Map<string, Local>();

  constructor(f: FunctionBuilder, program: ProgramCode, counting = false) {
    this.f = f;
    this.counting = counting;
    this.program = program;
    const { module } = program;
    this.module = module;
    if (!module.checked && f.params.length === ENTRY_SIGNATURE.params.length) {
      this.#registers = [];
      this.context = f.params[0];
      this.stack = f.params[1]!;
      return;
    }
    const given = module.checked ? CARRIED : VERIFIED_ARGUMENTS;
    this.#registers = f.params.slice(0, given);
    // Where r0 is no parameter, they begin with r1.
    if (!module.checked) this.#registers.unshift(undefined);
    this.stack = f.params[given]!;
    this.depth = f.params[given + 1];
  }

  /** The local of a register. */
  register(number: number): Local {
    return (this.#registers[number] ??= this.f.local("i64", `r${number}`));
  }

  /** Offset of the first byte of the frame. */
  get frame(): Local {
    return this.temporary("i32", "frame");
  }

  /** Checked mode: instructions of the run so far, and how many it may have. */
  get executed(): Local {
    return this.temporary("i64", "executed");
  }

  get budget(): Local {
    return this.temporary("i64", "budget");
  }

  get readable(): AccessWindow {
    return this.#window("readable");
  }

  get writable(): AccessWindow {
    return this.#window("writable");
  }

  get onStack(): AccessWindow {
    return this.#window("stack");
  }

  #window(name: string): AccessWindow {
    return { base: this.temporary("i64", `${name}_base`), length: this.temporary("i64", `${name}_length`) };
  }

  get checked(): boolean {
    return this.module.checked;
  }

  /** Finds where the frame is. */
  beginFrame(): void {
    this.f.get(this.stack).i32.const(FRAME_STACK).i32.sub().set(this.frame);
  }

  /** What is done before the first block; `bare`: in the frame of a function that has ended, whose memory it sees. */
  begin({ mayGoto, bare }: { readonly mayGoto: boolean; readonly bare: boolean }): void {
    const { f } = this;
    this.beginFrame();
    if (this.context !== undefined) {
      emitPointer(f, this.context);
      f.set(this.register(R1));
    }
    f.get(this.stack).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or().set(this.register(R10));
    if (mayGoto) f.i32.const(MAX_LOOPS).set(this.temporary("i32", "may_goto"));
    if (!this.checked) return;
    // What earlier runs left on the stack must not be seen by code that nobody has verified.
    if (!bare) f.get(this.frame).i32.const(0).i32.const(FRAME_STACK).memoryFill();
    f.get(this.register(R10)).i64.const(FRAME_STACK).i64.sub().set(this.onStack.base);
    f.i64
      .constPair(this.module.place.stackEnd, KERNEL_BASE_HIGH)
      .get(this.onStack.base)
      .i64.sub()
      .set(this.onStack.length);
    f.i32.const(0).i64.load(this.at(State.BUDGET)).set(this.budget);
    this.reload();
  }

  /** A local of its own for a purpose, the same one each time. */
  temporary(type: "i32" | "i64", name: string): Local {
    let local = this.#temporaries.get(name);
    if (local === undefined) {
      local = this.f.local(type, name);
      this.#temporaries.set(name, local);
    }
    return local;
  }

  /** Offset of a word of the state block. */
  at(word: number): number {
    return this.module.place.stateAt + word;
  }

  /** Pushes a register. */
  r64(number: number): FunctionBuilder {
    return this.f.get(this.register(number));
  }

  r32(number: number): FunctionBuilder {
    return this.f.get(this.register(number)).i32.wrapI64();
  }

  /** Pops a register. */
  set64(number: number): FunctionBuilder {
    return this.f.set(this.register(number));
  }

  /** Pops the low half of a register, whose high half is 0 then. */
  set32(number: number): FunctionBuilder {
    return this.f.i64.extendI32U().set(this.register(number));
  }

  /** Pushes the second operand. */
  operand64({ insn, row }: Site): FunctionBuilder {
    return row.source === "reg" ? this.r64(insn.src) : this.f.i64.const(insn.imm);
  }

  operand32({ insn, row }: Site): FunctionBuilder {
    return row.source === "reg" ? this.r32(insn.src) : this.f.i32.const(insn.imm);
  }

  /** Checked mode: accounts for the instructions of a block. */
  charge(slot: number, instructions: number): void {
    const { f } = this;
    f.get(this.executed).i64.const(instructions).i64.add().tee(this.executed);
    f.get(this.budget).i64.gtS();
    f.if(() => this.raise("budget", slot));
  }

  /** Verified code that counts: adds to the instructions of the run. */
  count(instructions: number): void {
    const at = this.at(State.EXECUTED);
    this.f.i32.const(0).i32.const(0).i64.load(at).i64.const(instructions).i64.add().i64.store(at);
  }

  /** The function ends in the midst of a block, all of whose instructions were counted when it began. */
  uncountBehind(slot: number): void {
    if (!this.checked && !this.counting) return;
    const rest = Math.max(this.program.graph.instructionsBetween(slot, this.blockEnd) - 1, 0);
    if (rest === 0) return;
    if (this.checked) this.f.get(this.executed).i64.const(rest).i64.sub().set(this.executed);
    else this.count(-rest);
  }

  /** Ends the run where somebody asks for it. */
  poll(slot: number): void {
    this.f.i32.const(0).i32.load(interruptWord(this.module.place.executor));
    this.f.if(() => this.raise("interrupted", slot));
  }

  /** Before a call: what it counts goes on from here. */
  spill(): void {
    if (!this.checked) return;
    this.f.i32.const(0).get(this.executed).i64.store(this.at(State.EXECUTED));
  }

  /** After a call. */
  reload(): void {
    if (!this.checked) return;
    this.f.i32.const(0).i64.load(this.at(State.EXECUTED)).set(this.executed);
  }

  /** After a call: another may have changed what is accessible. */
  forgetRegions(): void {
    if (!this.checked) return;
    this.f.i64.const(0).set(this.readable.length).i64.const(0).set(this.writable.length);
  }

  /** Ends the run with a fault that has no address. */
  raise(kind: keyof typeof FaultCode, slot: number): void {
    this.f.i32.const(0).i32.const(FaultCode[kind]).i32.store(this.at(State.FAULT));
    this.fail(slot);
  }

  /** Returns, as the state block has a fault: its place is noted where none is. */
  fail(slot: number): void {
    const { f } = this;
    this.uncountBehind(slot);
    this.spill();
    f.i32.const(slot).call(this.module.noteFault);
    f.i64.const(0).return();
  }

  /** Ends the function where a call has left a fault, or was thrown out of. */
  stopIfFaulted(slot: number): void {
    this.f.i32.const(0).i32.load(this.at(State.FAULT));
    this.f.if(() => this.fail(slot));
  }
}
