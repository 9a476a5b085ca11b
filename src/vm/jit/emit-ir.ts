import { type IrFunction, isComparison, isConst, Op, type Value } from "../../ir/index.ts";
import { Control, FIRST_OFFSET, KERNEL_BASE_HIGH } from "../../mem/index.ts";
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
import { emitIrAtomic } from "./emit-ir-atomic.ts";
import { emitIrCall, emitIrCallLocal, emitIrTailCall } from "./emit-ir-call.ts";
import { FunctionCode } from "./function-code.ts";
import type { IrEmission } from "./ir-emission.ts";
import { isLeaf, type Uses, usesOf } from "./ir-uses.ts";
import { allocateLocals } from "./local-allocation.ts";
import type { ProgramParts } from "./program-parts.ts";
import { type BlockEmitter, type Ending, emitStructured } from "./structure.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** Emits a function from its SSA form. */
export function emitIrFunction(f: FunctionBuilder, func: IrFunction, parts: ProgramParts): void {
  const code = new FunctionCode(f, parts.program);
  const mayGoto = func.blocks.some(({ values }) => values.some(({ op }) => op === Op.mayGoto));
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
  readonly #func: IrFunction;
  readonly #uses: Uses;
  readonly #locals: readonly (Local | undefined)[];

  constructor(code: FunctionCode, func: IrFunction, parts: ProgramParts) {
    this.code = code;
    this.f = code.f;
    this.parts = parts;
    this.#func = func;
    for (const block of func.inOrder()) for (const value of block.values) foldAddress(value);
    this.#uses = usesOf(func);
    this.#locals = allocateLocals(this.f, func, this.#uses);
  }

  body(id: number): Ending {
    const block = this.#func.blocks[id]!;
    for (const value of block.values) {
      if (isLeaf(value) || !this.#uses.live(value) || this.#uses.inline(value)) continue;
      this.f.mark(value.slot);
      this.#compute(value);
      if (value.type !== "void" && !isEffectWithResult(value)) this.f.set(this.#localOf(value));
    }
    const { terminator } = block;
    if (terminator.kind === "goto") return "goto";
    if (terminator.kind === "branch") return "branch";
    this.push(terminator.value);
    this.f.return();
    return "end";
  }

  condition(id: number, negated: boolean): void {
    const { terminator } = this.#func.blocks[id]!;
    if (terminator.kind !== "branch") return;
    const { condition } = terminator;
    this.f.mark(condition.slot);
    if (this.#uses.inline(condition) && isComparison(condition.op)) {
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
    const { phis, predecessors } = this.#func.blocks[to]!;
    if (phis.length === 0) return [];
    const index = predecessors.indexOf(this.#func.blocks[from]!);
    const moves: { phi: Value; value: Value }[] = [];
    for (const phi of phis) {
      const value = phi.args[index]!;
      if (!this.#uses.live(phi) || this.#locals[phi.id] === this.#locals[value.id]) continue;
      moves.push({ phi, value });
    }
    return moves;
  }

  /** Pushes a value. */
  push(value: Value): void {
    const { f } = this;
    switch (value.op) {
      case Op.const:
        if (value.type === "i32") f.i32.const(value.imm);
        else f.i64.constPair(value.imm, value.high);
        return;
      case Op.param:
        f.get(value.type === "i32" ? this.code.context! : this.code.register(value.imm));
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
    return this.#locals[value.id]!;
  }

  /** Emits what a value is, or does. */
  #compute(value: Value): void {
    const { f, code } = this;
    const { op, args } = value;
    const ops: Ops = value.type === "i64" ? f.i64 : f.i32;
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
        this.push(args[0]!);
        this.push(args[1]!);
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
        this.push(args[0]!);
        if (value.imm === 8) ops.extend8S();
        else ops.extend16S();
        return;
      case Op.wrap:
        this.push(args[0]!);
        f.i32.wrapI64();
        return;
      case Op.extendU:
        this.push(args[0]!);
        f.i64.extendI32U();
        return;
      case Op.extendS:
        this.push(args[0]!);
        f.i64.extendI32S();
        return;
      case Op.address:
        this.push(args[0]!);
        f.i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
        return;
      case Op.select:
        this.push(args[1]!);
        this.push(args[2]!);
        this.push(args[0]!);
        f.select();
        return;
      case Op.load:
        f.access(ownLoadCode(value), this.#pushAddress(value));
        return;
      case Op.store: {
        const offset = this.#pushAddress(value);
        this.push(args[1]!);
        f.access(ownStoreCode(value), offset);
        return;
      }
      case Op.probe:
        this.#probe(value);
        return;
      case Op.cpu:
        f.i32.const(0).i32.load(code.at(State.CPU));
        return;
      case Op.interrupted:
        f.i32.const(0).i32.load(Control.INTERRUPT);
        return;
      case Op.mayGoto:
        code.poll(value.imm);
        emitMayGoto(code);
        this.keep(value);
        return;
      case Op.atomic:
        emitIrAtomic(this, value);
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
      default:
        throw new Error(`no code for value ${value.id}`);
    }
  }

  /** Pushes the base of an access. @returns what the access itself adds to it. */
  #pushAddress({ args, imm }: Value): number {
    const { f } = this;
    const base = args[0]!;
    if (isConst(base)) {
      f.i32.const((base.imm + imm) | 0);
      return 0;
    }
    this.push(base);
    if (imm >= 0) return imm;
    f.i32.const(imm).i32.add();
    return 0;
  }

  #compare(value: Value, negated: boolean): void {
    const { f } = this;
    const [a, b] = value.args as [Value, Value];
    const ops: Ops = a.type === "i64" ? f.i64 : f.i32;
    this.push(a);
    if (isConst(b) && b.imm === 0 && (b.type === "i32" || b.high === 0)) {
      if (value.op === Op.eq || value.op === Op.ne) {
        ops.eqz();
        if ((value.op === Op.ne) !== negated) f.i32.eqz();
        return;
      }
    }
    this.push(b);
    COMPARISONS[value.op]![negated ? 1 : 0](ops);
  }

  #divide(value: Value, ops: Ops): void {
    const { f } = this;
    const [a, b] = value.args as [Value, Value];
    const { op } = value;
    const signed = op === Op.divS;
    const constant = isConst(b) && (b.imm !== 0 || b.high !== 0) && !(signed && b.imm === -1);
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
    const type = value.type === "i64" ? "i64" : "i32";
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
    const { f, code } = this;
    this.push(value.args[0]!);
    if (value.imm === 64) {
      f.call(code.module.swap64);
      return;
    }
    const low = code.temporary("i32", "swapped");
    if (value.imm === 16) {
      f.set(low);
      f.get(low).i32.const(8).i32.shrU().i32.const(0xff).i32.and();
      f.get(low).i32.const(8).i32.shl().i32.const(0xff00).i32.and().i32.or();
      return;
    }
    emitSwap32(f, low);
  }

  #probe(value: Value): void {
    const { f, code } = this;
    const ea = code.temporary("i64", "ea");
    const address = code.temporary("i32", "address");
    this.push(value.args[0]!);
    f.tee(ea).i32.wrapI64().set(address);
    emitProbeTest(f, ea, address, value.size);
    f.if(
      () => f.get(address).access(loadCode(value.size, value.signed)),
      () => f.i64.const(0),
      "i64",
    );
  }
}

/** Effects put their result away themselves. */
function isEffectWithResult({ op }: Value): boolean {
  return op >= Op.atomic && op <= Op.mayGoto;
}

/** The constant part of an address becomes the offset of the access, where that cannot wrap. */
function foldAddress(value: Value): void {
  if (value.op !== Op.load && value.op !== Op.store && value.op !== Op.atomic) return;
  const address = value.args[0]!;
  if (address.op === Op.add && isConst(address.args[1]!)) {
    const offset = value.imm + address.args[1]!.imm;
    // What is accessible begins at FIRST_OFFSET: the base is not below 0.
    if (offset < 0 || offset >= FIRST_OFFSET) return;
    value.imm = offset;
    value.args[0] = address.args[0]!;
  }
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

/** The opcode that loads a value with its own type. */
function ownLoadCode({ type, size, signed }: Value): number {
  if (type === "i64") return OP["i64.load"];
  if (size === 4) return OP["i32.load"];
  if (size === 2) return signed ? OP["i32.load16_s"] : OP["i32.load16_u"];
  return signed ? OP["i32.load8_s"] : OP["i32.load8_u"];
}

function ownStoreCode({ size }: Value): number {
  if (size === 8) return OP["i64.store"];
  if (size === 4) return OP["i32.store"];
  return size === 2 ? OP["i32.store16"] : OP["i32.store8"];
}
