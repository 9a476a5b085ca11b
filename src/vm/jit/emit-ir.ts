import { type IrFunction, isComparison, Op, type Value } from "../../ir/index.ts";
import { FIRST_OFFSET, interruptWord, KERNEL_BASE_HIGH } from "../../mem/index.ts";
import {
  emitSwap32,
  type FunctionBuilder,
  type I32Ops,
  type I64Ops,
  type Local,
  OP,
} from "../../wasm/index.ts";
import { loadCode } from "../access-codes.ts";
import { emitProbeTest } from "../emit-probe-test.ts";
import { MAX_LOOPS, State } from "../state.ts";
import { emitMayGoto } from "./emit-branch.ts";
import { emitThrow } from "./emit-call.ts";
import { emitArenaPlace, emitIrArena, emitIrAtomic } from "./emit-ir-atomic.ts";
import { emitIrCall, emitIrCallLocal, emitIrTailCall } from "./emit-ir-call.ts";
import { FunctionCode } from "./function-code.ts";
import type { IrEmission } from "./ir-emission.ts";
import { isLeaf, Uses } from "./ir-uses.ts";
import { allocateLocals } from "./local-allocation.ts";
import type { ProgramParts } from "./program-parts.ts";
import { type BlockEmitter, type Ending, emitStructured } from "./structure.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** Emits a function from its SSA form. */
export function emitIrFunction(f: FunctionBuilder, func: IrFunction, parts: ProgramParts): void {
  const code = new FunctionCode(f, parts.program);
  const mayGoto = func.blocks.some(({ values }) => values.some((value) => func.op(value) === Op.mayGoto));
  code.beginFrame();
  if (mayGoto) f.i32.const(MAX_LOOPS).set(code.temporary("i32", "may_goto"));
  emitStructured(f, func.graph, new IrCode(code, func, parts));
  f.unreachable();
}

/** The code of a function in SSA form while it is emitted: values that are not used where they are computed are locals. */
class IrCode implements BlockEmitter, IrEmission {
  readonly code: FunctionCode;
  readonly f: FunctionBuilder;
  readonly parts: ProgramParts;
  readonly func: IrFunction;
  readonly #uses: Uses;
  readonly #locals: readonly (Local | undefined)[];

  constructor(code: FunctionCode, func: IrFunction, parts: ProgramParts) {
    this.code = code;
    this.f = code.f;
    this.parts = parts;
    this.func = func;
    for (const block of func.inOrder()) for (const value of block.values) foldAddress(func, value);
    this.#uses = new Uses(func);
    this.#locals = allocateLocals(this.f, func, this.#uses);
  }

  body(id: number): Ending {
    const { func } = this;
    const block = func.blocks[id]!;
    for (const value of block.values) {
      const op = func.op(value);
      if (isLeaf(op) || !this.#uses.live(value) || this.#uses.inline(value)) continue;
      this.f.mark(func.slotOf(value));
      this.#compute(value);
      if (func.type(value) !== "void" && !isEffectWithResult(op)) this.f.set(this.#localOf(value));
    }
    const { terminator } = block;
    if (terminator.kind === "goto") return "goto";
    if (terminator.kind === "branch") return "branch";
    this.push(terminator.value);
    this.f.return();
    return "end";
  }

  condition(id: number, negated: boolean): void {
    const { func } = this;
    const { terminator } = func.blocks[id]!;
    if (terminator.kind !== "branch") return;
    const { condition } = terminator;
    this.f.mark(func.slotOf(condition));
    if (this.#uses.inline(condition) && isComparison(func.op(condition))) {
      this.#compare(condition, negated);
      return;
    }
    this.push(condition);
    if (negated) this.f.i32.eqz();
  }

  moves(from: number, to: number): boolean {
    return this.#movesBetween(from, to).length > 0;
  }

  /** All values first, then all phis: one may be the value of another. */
  move(from: number, to: number): void {
    const moves = this.#movesBetween(from, to);
    for (const { value } of moves) this.push(value);
    for (const { phi } of moves.toReversed()) this.f.set(this.#localOf(phi));
  }

  #movesBetween(from: number, to: number): { readonly phi: Value; readonly value: Value }[] {
    const { phis, predecessors } = this.func.blocks[to]!;
    if (phis.length === 0) return [];
    const index = predecessors.indexOf(this.func.blocks[from]!);
    const moves: { phi: Value; value: Value }[] = [];
    for (const { value: phi, args } of phis) {
      const value = args[index]!;
      if (!this.#uses.live(phi) || this.#locals[phi] === this.#locals[value]) continue;
      moves.push({ phi, value });
    }
    return moves;
  }

  /** Pushes a value. */
  push(value: Value): void {
    const { f, func } = this;
    switch (func.op(value)) {
      case Op.const:
        if (func.isWide(value)) f.i64.constPair(func.imm(value), func.high(value));
        else f.i32.const(func.imm(value));
        return;
      case Op.param:
        f.get(func.isWide(value) ? this.code.register(func.imm(value)) : this.code.context!);
        return;
      case Op.frame:
        f.get(this.code.frame);
        return;
      default:
        if (this.#uses.inline(value)) this.#compute(value);
        else f.get(this.#localOf(value));
    }
  }

  /** Pops what an effect gave: into its local, or away where nobody uses it. */
  keep(value: Value): void {
    if (this.#uses.used(value)) this.f.set(this.#localOf(value));
    else this.f.drop();
  }

  #localOf(value: Value): Local {
    return this.#locals[value]!;
  }

  /** Emits what a value is, or does. */
  #compute(value: Value): void {
    const { f, code, func } = this;
    const op = func.op(value);
    const ops: Ops = func.isWide(value) ? f.i64 : f.i32;
    const arg = (index: number) => this.push(func.arg(value, index));
    switch (op) {
      case Op.add:
      case Op.sub:
      case Op.mul:
      case Op.and:
      case Op.or:
      case Op.xor:
      case Op.shl:
      case Op.shrU:
      case Op.shrS:
        arg(0);
        arg(1);
        ARITHMETIC[op]!(ops);
        return;
      case Op.divU:
      case Op.divS:
      case Op.remU:
      case Op.remS:
        this.#divide(value, ops);
        return;
      case Op.eq:
      case Op.ne:
      case Op.ltU:
      case Op.ltS:
      case Op.leU:
      case Op.leS:
        this.#compare(value, false);
        return;
      case Op.bswap:
        this.#swap(value);
        return;
      case Op.extend:
        arg(0);
        if (func.imm(value) === 8) ops.extend8S();
        else ops.extend16S();
        return;
      case Op.wrap:
        arg(0);
        f.i32.wrapI64();
        return;
      case Op.extendU:
        arg(0);
        f.i64.extendI32U();
        return;
      case Op.extendS:
        arg(0);
        f.i64.extendI32S();
        return;
      case Op.address:
        arg(0);
        f.i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
        return;
      case Op.select:
        arg(1);
        arg(2);
        arg(0);
        f.select();
        return;
      case Op.load:
        f.access(this.#loadCode(value), this.#pushAddress(value));
        return;
      case Op.store: {
        const offset = this.#pushAddress(value);
        arg(1);
        f.access(storeCode(func.size(value)), offset);
        return;
      }
      case Op.probe:
        this.#probe(value);
        return;
      case Op.cpu:
        f.i32.const(0).i32.load(code.at(State.CPU));
        return;
      case Op.interrupted:
        f.i32.const(0).i32.load(interruptWord(code.module.place.executor));
        return;
      case Op.mayGoto:
        code.poll(func.imm(value));
        emitMayGoto(code);
        this.keep(value);
        return;
      case Op.arenaLoad:
        this.#arenaLoad(value);
        return;
      case Op.userAddress:
        arg(0);
        f.call(code.program.arenaCast);
        return;
      case Op.atomic:
        emitIrAtomic(this, value);
        return;
      case Op.arena:
        emitIrArena(this, value);
        return;
      case Op.call:
        emitIrCall(this, value);
        return;
      case Op.callLocal:
        emitIrCallLocal(this, value);
        return;
      case Op.tailCall:
        emitIrTailCall(this, value);
        return;
      case Op.throw:
        emitThrow(code, () => arg(0));
        return;
      default:
        throw new Error(`no code for value ${value}`);
    }
  }

  /** Pushes the base of an access. @returns what the access itself adds to it. */
  #pushAddress(access: Value): number {
    const { f, func } = this;
    const base = func.arg(access, 0);
    const imm = func.imm(access);
    if (func.isConst(base)) {
      f.i32.const((func.imm(base) + imm) | 0);
      return 0;
    }
    this.push(base);
    if (imm >= 0) return imm;
    f.i32.const(imm).i32.add();
    return 0;
  }

  /** The opcode that loads a value with its own type. */
  #loadCode(load: Value): number {
    const { func } = this;
    if (func.isWide(load)) return OP["i64.load"];
    const signed = func.isSigned(load);
    switch (func.size(load)) {
      case 4:
        return OP["i32.load"];
      case 2:
        return signed ? OP["i32.load16_s"] : OP["i32.load16_u"];
      default:
        return signed ? OP["i32.load8_s"] : OP["i32.load8_u"];
    }
  }

  #compare(value: Value, negated: boolean): void {
    const { f, func } = this;
    const op = func.op(value);
    const [a, b] = [func.arg(value, 0), func.arg(value, 1)];
    const ops: Ops = func.isWide(a) ? f.i64 : f.i32;
    this.push(a);
    if ((op === Op.eq || op === Op.ne) && func.isConstOf(b, 0)) {
      ops.eqz();
      if ((op === Op.ne) !== negated) f.i32.eqz();
      return;
    }
    this.push(b);
    COMPARISONS[op]![negated ? 1 : 0](ops);
  }

  #divide(value: Value, ops: Ops): void {
    const { f, func } = this;
    const [a, b] = [func.arg(value, 0), func.arg(value, 1)];
    const op = func.op(value);
    const signed = op === Op.divS;
    const constant = func.isConst(b) && !func.isConstOf(b, 0) && !(signed && func.imm(b) === -1);
    const plain = (dividend: () => void, divisor: () => void) => {
      dividend();
      divisor();
      if (op === Op.divU) ops.divU();
      else if (op === Op.divS) ops.divS();
      else if (op === Op.remU) ops.remU();
      else ops.remS();
    };
    if (constant) {
      plain(
        () => this.push(a),
        () => this.push(b),
      );
      return;
    }
    const type = func.isWide(value) ? "i64" : "i32";
    const dividend = this.code.temporary(type, `dividend${type}`);
    const divisor = this.code.temporary(type, `divisor${type}`);
    this.push(a);
    this.push(b);
    f.set(divisor).set(dividend);
    f.get(divisor);
    if (signed) {
      ops.const(1);
      ops.add();
      ops.const(1);
      ops.leU();
    } else {
      ops.eqz();
    }
    f.if(
      () => {
        if (op === Op.divU) {
          ops.const(0);
          return;
        }
        f.get(dividend);
        if (!signed) return;
        f.get(divisor);
        ops.mul();
      },
      () =>
        plain(
          () => f.get(dividend),
          () => f.get(divisor),
        ),
      type,
    );
  }

  /** Wasm has no instruction for it: rotations and masks. */
  #swap(value: Value): void {
    const { f, code, func } = this;
    this.push(func.arg(value, 0));
    if (func.imm(value) === 64) {
      f.call(code.module.swap64);
      return;
    }
    const low = code.temporary("i32", "swapped");
    if (func.imm(value) === 16) {
      f.set(low);
      f.get(low).i32.const(8).i32.shrU().i32.const(0xff).i32.and();
      f.get(low).i32.const(8).i32.shl().i32.const(0xff00).i32.and().i32.or();
      return;
    }
    emitSwap32(f, low);
  }

  #arenaLoad(value: Value): void {
    const { f, func } = this;
    const address = emitArenaPlace(this, value);
    f.get(address).if(
      () => f.get(address).access(loadCode(func.size(value), func.isSigned(value))),
      () => f.i64.const(0),
      "i64",
    );
  }

  #probe(value: Value): void {
    const { f, code, func } = this;
    const size = func.size(value);
    const ea = code.temporary("i64", "ea");
    const address = code.temporary("i32", "address");
    this.push(func.arg(value, 0));
    f.tee(ea).i32.wrapI64().set(address);
    emitProbeTest(f, ea, address, size);
    f.if(
      () => f.get(address).access(loadCode(size, func.isSigned(value))),
      () => f.i64.const(0),
      "i64",
    );
  }
}

/** Effects put their result away themselves. */
function isEffectWithResult(op: Op): boolean {
  return op >= Op.atomic && op <= Op.mayGoto;
}

/** The constant part of an address becomes the offset of the access, where that cannot wrap. */
function foldAddress(func: IrFunction, value: Value): void {
  const op = func.op(value);
  if (op !== Op.load && op !== Op.store && op !== Op.atomic) return;
  const address = func.arg(value, 0);
  if (func.op(address) !== Op.add || !func.isConst(func.arg(address, 1))) return;
  const offset = func.imm(value) + func.imm(func.arg(address, 1));
  // What is accessible begins at FIRST_OFFSET: the base is not below 0.
  if (offset >= 0 && offset < FIRST_OFFSET) func.rebase(value, func.arg(address, 0), offset);
}

const ARITHMETIC: { readonly [op: number]: (ops: Ops) => void } = {
  [Op.add]: (ops) => ops.add(),
  [Op.sub]: (ops) => ops.sub(),
  [Op.mul]: (ops) => ops.mul(),
  [Op.and]: (ops) => ops.and(),
  [Op.or]: (ops) => ops.or(),
  [Op.xor]: (ops) => ops.xor(),
  [Op.shl]: (ops) => ops.shl(),
  [Op.shrU]: (ops) => ops.shrU(),
  [Op.shrS]: (ops) => ops.shrS(),
};

/** A comparison and its opposite. */
const COMPARISONS: { readonly [op: number]: readonly [(ops: Ops) => void, (ops: Ops) => void] } = {
  [Op.eq]: [(ops) => ops.eq(), (ops) => ops.ne()],
  [Op.ne]: [(ops) => ops.ne(), (ops) => ops.eq()],
  [Op.ltU]: [(ops) => ops.ltU(), (ops) => ops.geU()],
  [Op.ltS]: [(ops) => ops.ltS(), (ops) => ops.geS()],
  [Op.leU]: [(ops) => ops.leU(), (ops) => ops.gtU()],
  [Op.leS]: [(ops) => ops.leS(), (ops) => ops.gtS()],
};

function storeCode(size: number): number {
  if (size === 8) return OP["i64.store"];
  if (size === 4) return OP["i32.store"];
  return size === 2 ? OP["i32.store16"] : OP["i32.store8"];
}
