import type { Cfg } from "../cfg/index.ts";
import {
  CAST_TO_USER,
  type Insn,
  type InsnRow,
  Operation,
  type OperationName,
  WideKind,
} from "../isa/index.ts";
import { Appender } from "./appender.ts";
import { binary, extendU, negate, offsetOf, pointerOrNull, wrap } from "./fold.ts";
import { IrFunction } from "./function.ts";
import { renameVariables } from "./ssa.ts";
import { type Block, NONE, Op, type Value } from "./value.ts";

/** A function as slots, cut into blocks; the graph is of those. */
export interface SlotFunction {
  readonly name: string;
  /** What it is called with: r1 to r5, or the offset of a context, or 0, that r1 is the address of. */
  readonly takes: "registers" | "context";
  /** See `IrFunction`. */
  readonly sharesFrame: boolean;
  readonly insns: readonly Insn[];
  /** Row of each slot; absent for the second half of a wide load. */
  readonly rows: readonly (InsnRow | undefined)[];
  /** First slots, and those behind the last. */
  readonly blocks: readonly { readonly start: number; readonly end: number }[];
  readonly graph: Cfg;
  /** What the call in a slot is: of a helper or kfunc with so many arguments. */
  readonly call: (slot: number) => SlotCall;
  /** The number that the address of a function, taken in a slot, has: its halves. */
  readonly functionAddress: (slot: number) => { readonly low: number; readonly high: number };
}

/** What a call slot calls. */
export interface SlotCall {
  readonly kind: "call" | "tailCall" | "throw";
  /** What it takes of r1, r2 …: all of it, its low half, or its low byte. */
  readonly args: readonly ("wide" | "low" | "byte")[];
  /** What becomes r0: 64 bits, 32 bits extended so or so, the address of an offset or NULL for 0, or 0. */
  readonly result: "i64" | "signed" | "unsigned" | "pointer" | "none";
}

const REGISTERS = 12;
/** Values that passes make of a slot, more or less. */
const VALUES_OF_SLOT = 5;
const R0 = 0;
const R10 = 10;

/** Bytes of a stack frame. */
export const FRAME_BYTES = 512;

/** Instructions that this form has nothing for: a function with one of them is compiled as it is. */
function isForeign(row: InsnRow): boolean {
  return (
    row.kind === "packet" ||
    row.operation === Operation.percpuAddress ||
    (row.kind === "call" && row.name.startsWith("callx"))
  );
}

/** The function in SSA form; null where an instruction has no place in it. */
export function irOf(slots: SlotFunction): IrFunction | null {
  const { insns, rows, blocks } = slots;
  for (const { start, end } of blocks) {
    if (start >= insns.length) return null;
    for (let slot = start; slot < end; slot++) {
      const row = rows[slot];
      if (row !== undefined && isForeign(row)) return null;
    }
  }
  const func = new IrFunction(slots.name, slots.graph, {
    values: VALUES_OF_SLOT * insns.length,
    sharesFrame: slots.sharesFrame,
  });
  const uses = new Uint32Array(blocks.length);
  const defines = new Uint32Array(blocks.length);
  for (const [id, { start, end }] of blocks.entries()) {
    const access = registersOf(slots, start, end);
    uses[id] = access.uses;
    defines[id] = access.defines;
  }
  const translation = new Translation(slots, func);
  renameVariables(func, {
    count: REGISTERS,
    typeOf: () => "i64",
    uses,
    defines,
    nothing: () => func.constant("i64", 0),
    rename: (block, state) => translation.block(block, state),
  });
  return func;
}

/** Registers that a block reads before it writes them, and those that it writes, as bits. */
function registersOf(
  slots: SlotFunction,
  start: number,
  end: number,
): { readonly uses: number; readonly defines: number } {
  const { insns, rows } = slots;
  let uses = 0;
  let defines = 0;
  for (let slot = start; slot < end; slot++) {
    const row = rows[slot];
    if (row === undefined) continue;
    const insn = insns[slot]!;
    let reads = 0;
    let writes = 0;
    if (row.dst === "register") {
      if (row.dstAccess === "read" || row.dstAccess === "both") reads |= 1 << insn.dst;
      if (row.dstAccess === "write" || row.dstAccess === "both") writes |= 1 << insn.dst;
    }
    if (row.src === "register") {
      if (row.srcAccess === "read" || row.srcAccess === "both") reads |= 1 << insn.src;
      if (row.srcAccess === "write" || row.srcAccess === "both") writes |= 1 << insn.src;
    }
    if (row.kind === "exit") reads |= 1 << R0;
    // Where nothing is there, it keeps what it has.
    if (row.kind === "loadAcquire" && row.guard === "arena") reads |= 1 << insn.dst;
    if (row.operation === Operation.cmpxchg) {
      reads |= 1 << R0;
      writes |= 1 << R0;
    }
    if (row.kind === "call") {
      const args = row.name === "call_local" ? 5 : slots.call(slot).args.length;
      reads |= ((1 << args) - 1) << 1;
      if (row.name === "call_local" || slots.call(slot).kind === "call") writes |= 1 << R0;
    }
    uses |= reads & ~defines;
    defines |= writes;
  }
  return { uses, defines };
}

const BINARY: { readonly [Name in OperationName]?: Op } = {
  add: Op.add,
  sub: Op.sub,
  mul: Op.mul,
  div: Op.divU,
  sdiv: Op.divS,
  mod: Op.remU,
  smod: Op.remS,
  or: Op.or,
  and: Op.and,
  xor: Op.xor,
  lsh: Op.shl,
  rsh: Op.shrU,
  arsh: Op.shrS,
};

/** Comparison, and whether its operands change places. */
const COMPARE: { readonly [Name in OperationName]?: readonly [Op, boolean] } = {
  jeq: [Op.eq, false],
  jne: [Op.ne, false],
  jgt: [Op.ltU, true],
  jge: [Op.leU, true],
  jlt: [Op.ltU, false],
  jle: [Op.leU, false],
  jsgt: [Op.ltS, true],
  jsge: [Op.leS, true],
  jslt: [Op.ltS, false],
  jsle: [Op.leS, false],
};

/** b < a is not (a <= b). */
const REVERSE: { readonly [op: number]: Op } = {
  [Op.ltU]: Op.leU,
  [Op.ltS]: Op.leS,
  [Op.leU]: Op.ltU,
  [Op.leS]: Op.ltS,
};

const NAMES = Object.keys(Operation) as OperationName[];
const BINARY_OF = NAMES.map((name) => BINARY[name]);
const COMPARE_OF = NAMES.map((name) => COMPARE[name]);

/** Values of registers; NONE for those that were never written. */
type State = Int32Array;

class Translation {
  readonly #slots: SlotFunction;
  readonly #func: IrFunction;
  readonly #make: Appender;

  constructor(slots: SlotFunction, func: IrFunction) {
    this.#slots = slots;
    this.#func = func;
    this.#make = new Appender(func, slots.insns.length);
  }

  block(block: Block, state: State): void {
    const make = this.#make;
    make.begin(block);
    this.#func.slot = this.#slots.blocks[0]!.start;
    if (block.id === 0) this.#begin(state);
    const { start, end } = this.#slots.blocks[block.id]!;
    this.#func.slot = start;
    for (let slot = start; slot < end; slot++) {
      const row = this.#slots.rows[slot];
      if (row === undefined) continue;
      this.#func.slot = slot;
      this.#insn(block, state, slot, row);
    }
    block.values = make.values;
  }

  #begin(state: State): void {
    const make = this.#make;
    if (this.#slots.takes === "context") {
      const offset = make.leaf(Op.param, "i32", 1);
      state[1] = pointerOrNull(make, binary(make, Op.ne, offset, make.i32(0)), offset);
    } else {
      for (let register = 1; register <= 5; register++)
        state[register] = make.leaf(Op.param, "i64", register);
    }
    const frame = make.leaf(Op.frame, "i32");
    state[R10] = make.one(Op.address, "i64", binary(make, Op.add, frame, make.i32(FRAME_BYTES)));
  }

  #register(state: State, number: number): Value {
    const value = state[number] as Value;
    return value === NONE ? this.#make.i64(0, 0) : value;
  }

  #insn(block: Block, state: State, slot: number, row: InsnRow): void {
    const make = this.#make;
    const insn = this.#slots.insns[slot]!;
    const dst = () => this.#register(state, insn.dst);
    const src = () => this.#register(state, insn.src);
    const wide = row.width === 64;
    const operand = (): Value => {
      if (row.source !== "reg") return wide ? make.i64(insn.imm, insn.imm >> 31) : make.i32(insn.imm);
      return wide ? src() : wrap(make, src());
    };
    const set = (value: Value): void => {
      state[insn.dst] = this.#func.isWide(value) ? value : extendU(make, value);
    };
    const first = () => (wide ? dst() : wrap(make, dst()));
    switch (row.kind) {
      case "alu":
        set(this.#alu(row, first, operand, src));
        return;
      case "neg":
        set(binary(make, Op.sub, wide ? make.i64(0, 0) : make.i32(0), first()));
        return;
      case "end":
        set(this.#endian(row, dst()));
        return;
      case "wide":
        set(this.#wide(slot, insn));
        return;
      case "load":
        set(this.#load(row, insn, src()));
        return;
      case "cast": {
        const address = extendU(make, wrap(make, src()));
        set(insn.imm === CAST_TO_USER ? make.effect(Op.userAddress, "i64", [address]) : address);
        return;
      }
      case "store": {
        const value = row.source === "reg" ? src() : make.i64(insn.imm, insn.imm >> 31);
        this.#store(row, insn, dst(), value);
        return;
      }
      case "loadAcquire": {
        const base = src();
        set(
          row.guard === "arena"
            ? this.#arena(row, insn, base, [dst()])
            : make.effect(Op.atomic, "i64", [offsetOf(make, base)], { imm: insn.off, size: row.size, row }),
        );
        return;
      }
      case "storeRelease": {
        if (row.guard === "arena") {
          this.#arena(row, insn, dst(), [src()]);
          return;
        }
        const fields = { imm: insn.off, size: row.size, row };
        make.effect(Op.atomic, "void", [offsetOf(make, dst()), src()], fields);
        return;
      }
      case "atomic":
        this.#atomic(state, row, insn);
        return;
      case "call":
        if (this.#call(state, slot, row, insn)) return;
        // Nothing comes back.
        block.terminator = { kind: "return", value: make.i64(0, 0) };
        return;
      case "branch":
        block.terminator = { kind: "branch", condition: this.#condition(row, first(), operand()) };
        return;
      case "mayGoto":
        block.terminator = { kind: "branch", condition: make.effect(Op.mayGoto, "i32", [], { imm: slot }) };
        return;
      case "exit":
        block.terminator = { kind: "return", value: this.#register(state, R0) };
        return;
      default:
        // goto, nospec
        return;
    }
  }

  #alu(row: InsnRow, first: () => Value, operand: () => Value, src: () => Value): Value {
    const make = this.#make;
    if (row.operation === Operation.mov) return operand();
    if (row.operation === Operation.movsx) {
      const value = row.width === 64 ? src() : wrap(make, src());
      if (row.width === 64 && row.extend === 32) return make.one(Op.extendS, "i64", wrap(make, value));
      return make.one(Op.extend, this.#func.type(value), value, row.extend);
    }
    return binary(make, BINARY_OF[row.operation]!, first(), operand());
  }

  #endian(row: InsnRow, value: Value): Value {
    const make = this.#make;
    const { width } = row;
    if (row.operation === Operation.toLe) {
      if (width === 64) return value;
      const low = wrap(make, value);
      return width === 32 ? low : binary(make, Op.and, low, make.i32(0xffff));
    }
    return width === 64
      ? make.one(Op.bswap, "i64", value, 64)
      : make.one(Op.bswap, "i32", wrap(make, value), width);
  }

  #wide(slot: number, insn: Insn): Value {
    if (insn.src === WideKind.func) {
      const { low, high } = this.#slots.functionAddress(slot);
      return this.#make.i64(low, high);
    }
    return this.#make.i64(insn.imm, this.#slots.insns[slot + 1]!.imm);
  }

  #load(row: InsnRow, insn: Insn, base: Value): Value {
    const make = this.#make;
    const fields = { imm: insn.off, size: row.size, signed: row.extend > 0 };
    if (row.guard === "arena")
      return make.effect(Op.arenaLoad, "i64", [this.#inArena(insn, base)], { ...fields, imm: 0 });
    if (row.guard === "probe") {
      const address = binary(make, Op.add, base, make.i64(insn.off, insn.off >> 31));
      return make.effect(Op.probe, "i64", [address], { ...fields, imm: 0 });
    }
    const offset = offsetOf(make, base);
    if (row.size === 8) return make.effect(Op.load, "i64", [offset], fields);
    const value = make.effect(Op.load, "i32", [offset], fields);
    return fields.signed ? make.one(Op.extendS, "i64", value) : value;
  }

  #store(row: InsnRow, insn: Insn, base: Value, value: Value): void {
    const make = this.#make;
    if (row.guard === "arena") {
      this.#arena(row, insn, base, [value]);
      return;
    }
    const offset = offsetOf(make, base);
    const stored = row.size === 8 ? value : wrap(make, value);
    make.effect(Op.store, "void", [offset, stored], { imm: insn.off, size: row.size });
  }

  /** As Linux's PROBE_MEM32: a 32-bit address plus `off`. */
  #inArena(insn: Insn, base: Value): Value {
    const make = this.#make;
    return binary(make, Op.add, extendU(make, wrap(make, base)), make.i64(insn.off, insn.off >> 31));
  }

  /** An access to the arena that is no load. */
  #arena(row: InsnRow, insn: Insn, base: Value, operands: readonly Value[]): Value {
    const type = row.kind === "loadAcquire" || row.fetch ? "i64" : "void";
    const args = [this.#inArena(insn, base), ...operands];
    return this.#make.effect(Op.arena, type, args, { size: row.size, row });
  }

  #condition(row: InsnRow, a: Value, b: Value): Value {
    const make = this.#make;
    const compare = COMPARE_OF[row.operation];
    if (compare === undefined) {
      const bits = binary(make, Op.and, a, b);
      return binary(make, Op.ne, bits, this.#func.isWide(a) ? make.i64(0, 0) : make.i32(0));
    }
    const [op, swapped] = compare;
    if (!swapped) return binary(make, op, a, b);
    // a > b with a known b: not (a <= b), so that the constant stays behind.
    return this.#func.isConst(b) ? negate(make, binary(make, REVERSE[op]!, a, b)) : binary(make, op, b, a);
  }

  #atomic(state: State, row: InsnRow, insn: Insn): void {
    const make = this.#make;
    const wide = row.size === 8;
    const base = this.#register(state, insn.dst);
    const compares = row.operation === Operation.cmpxchg;
    const operands = [this.#register(state, insn.src)];
    if (compares) operands.push(this.#register(state, R0));
    let old: Value;
    if (row.guard === "arena") {
      old = this.#arena(row, insn, base, operands);
    } else {
      const args = [offsetOf(make, base), ...operands.map((value) => (wide ? value : wrap(make, value)))];
      const type = row.fetch ? (wide ? "i64" : "i32") : "void";
      old = make.effect(Op.atomic, type, args, { imm: insn.off, size: row.size, row });
    }
    if (!row.fetch) return;
    state[compares ? R0 : insn.src] = this.#func.isWide(old) ? old : extendU(make, old);
  }

  /** @returns whether the function goes on behind it. */
  #call(state: State, slot: number, row: InsnRow, insn: Insn): boolean {
    const make = this.#make;
    const register = (i: number) => this.#register(state, i + 1);
    if (row.name === "call_local") {
      const args = Array.from({ length: 5 }, (_, i) => register(i));
      state[R0] = make.effect(Op.callLocal, "i64", args, { imm: slot + 1 + insn.imm, high: slot });
      return true;
    }
    const { kind, args: parts, result } = this.#slots.call(slot);
    const args = parts.map((part, i) => {
      if (part === "wide") return register(i);
      const low = wrap(make, register(i));
      return part === "low" ? low : binary(make, Op.and, low, make.i32(0xff));
    });
    if (kind !== "call") {
      make.effect(kind === "throw" ? Op.throw : Op.tailCall, "void", args, { imm: slot });
      return kind !== "throw";
    }
    const type = result === "i64" || result === "pointer" ? "i64" : result === "none" ? "void" : "i32";
    const value = make.effect(Op.call, type, args, { imm: slot });
    state[R0] = this.#result(value, result);
    return true;
  }

  #result(value: Value, result: SlotCall["result"]): Value {
    const make = this.#make;
    switch (result) {
      case "i64":
      case "pointer":
        return value;
      case "signed":
        return make.one(Op.extendS, "i64", value);
      case "unsigned":
        return extendU(make, value);
      case "none":
        return make.i64(0, 0);
    }
  }
}
