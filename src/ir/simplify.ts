import { Appender } from "./appender.ts";
import { binary, extendU, pointerOrNull, select, wrap } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import type { Inlining } from "./inline.ts";
import { MemoryState } from "./memory-state.ts";
import { settle, settleEnd } from "./settle.ts";
import { removeTrivialPhis } from "./ssa.ts";
import { isComparison, isPure, NONE, Op, type Value } from "./value.ts";

/** What is known of the program beside its instructions. */
export interface CallKnowledge {
  /** What may stand in the place of a call of a function, or of one that calls a function back; undefined: nothing. */
  readonly inlining: (func: IrFunction, call: Value) => Inlining | undefined;
  /** A call as something else that gives the same (a lookup in an array, the CPU's number); undefined: it stays. */
  readonly expand: (make: Appender, call: Value) => Value | undefined;
  /** Whether the 64 bits that a call gives are the address of an offset, or NULL for 0. */
  readonly givesPointer: (func: IrFunction, call: Value) => boolean;
  /** Whether a call changes no memory that the program reads. */
  readonly reads: (func: IrFunction, call: Value) => boolean;
  /** How many bytes at the pointer in an argument (from 0) a call may access; undefined where nobody knows. */
  readonly extent: (func: IrFunction, call: Value, argument: number) => number | undefined;
}

/**
 * Goes through a function once and makes each value again out of what its arguments were found to be: folded, shared
 * with one that is the same, and loads taken from what was stored or loaded before.
 */
export function simplify(func: IrFunction, knowledge: CallKnowledge): void {
  const make = new Appender(func, func.valueCount);
  for (const block of func.inOrder()) {
    for (const phi of block.phis) func.resolvePhi(phi);
    make.begin(block);
    const memory = new MemoryState(func.frameEscapes);
    for (const value of block.values) again(make, memory, value, knowledge);
    settleEnd(func, block);
    block.values = make.values;
  }
  for (const block of func.inOrder()) for (const phi of block.phis) func.resolvePhi(phi);
  // All else was settled as it was made: only a phi may be used in front of what it was found to be.
  if (removeTrivialPhis(func)) settle(func);
}

function again(make: Appender, memory: MemoryState, value: Value, knowledge: CallKnowledge): void {
  const { func } = make;
  func.resolveArgs(value);
  func.slot = func.slotOf(value);
  make.reuse = value;
  const found = rebuilt(make, value, knowledge);
  make.reuse = NONE;
  if (found !== undefined) {
    if (found !== value) func.forward(value, found);
    return;
  }
  switch (func.op(value)) {
    case Op.load: {
      const known = memory.known(make, value);
      if (known !== undefined) {
        func.forward(value, known);
        return;
      }
      make.append(value);
      memory.loaded(make, value);
      return;
    }
    case Op.call: {
      const reads = knowledge.reads(func, value);
      if (func.type(value) === "i64" && knowledge.givesPointer(func, value)) {
        // From here on it is a call that gives the offset.
        const offset = make.effect(Op.call, "i32", func.argsOf(value), { imm: func.imm(value) });
        func.forward(value, pointerOrNull(make, binary(make, Op.ne, offset, make.i32(0)), offset));
      } else make.append(value);
      if (!reads) memory.forget();
      return;
    }
    case Op.store:
      make.append(value);
      memory.stored(make, value);
      return;
    case Op.arena:
      make.append(value);
      // Other loads never see an arena; what is ordered is so for all memory.
      if (func.rowOf(value).kind !== "store") memory.forget();
      return;
    case Op.atomic:
    case Op.tailCall:
    case Op.callLocal:
      make.append(value);
      memory.forget();
      return;
    default:
      make.append(value);
  }
}

/** A pure value in its simplest form, or what a call is expanded to; undefined for what is done in its place. */
function rebuilt(make: Appender, value: Value, { expand }: CallKnowledge): Value | undefined {
  const { func } = make;
  const op = func.op(value);
  if (op === Op.call) return expand(make, value);
  if (!isPure(op)) return undefined;
  if ((op >= Op.add && op <= Op.shrS) || isComparison(op))
    return binary(make, op, func.arg(value, 0), func.arg(value, 1));
  const imm = func.imm(value);
  switch (op) {
    case Op.wrap:
      return wrap(make, func.arg(value, 0));
    case Op.extendU:
      return extendU(make, func.arg(value, 0));
    case Op.extendS: {
      const low = func.arg(value, 0);
      if (!func.isConst(low)) return make.one(op, "i64", low);
      return make.i64(func.imm(low), func.imm(low) >> 31);
    }
    case Op.extend: {
      const narrow = func.arg(value, 0);
      if (func.isConst(narrow) && !func.isWide(value))
        return make.i32((func.imm(narrow) << (32 - imm)) >> (32 - imm));
      return make.one(op, func.type(value), narrow, imm);
    }
    case Op.select:
      return select(make, func.arg(value, 0), func.arg(value, 1), func.arg(value, 2));
    case Op.const:
      return func.isWide(value) ? make.i64(imm, func.high(value)) : make.i32(imm);
    default:
      return func.argCount(value) === 0
        ? make.leaf(op, func.type(value), imm)
        : make.one(op, func.type(value), func.arg(value, 0), imm);
  }
}
