import { isConst } from "./constants.ts";
import { binary, extendU, pointerOrNull, select, wrap } from "./fold.ts";
import { Appender, type IrFunction } from "./function.ts";
import type { Inlining } from "./inline.ts";
import { MemoryState } from "./memory-state.ts";
import { settle } from "./settle.ts";
import { removeTrivialPhis } from "./ssa.ts";
import { isComparison, isPure, Op, resolve, resolveArgs, type Value } from "./value.ts";

/** What is known of the program beside its instructions. */
export interface CallKnowledge {
  /** What may stand in the place of a call of a function, or of one that calls a function back; undefined: nothing. */
  readonly inlining: (call: Value) => Inlining | undefined;
  /** A call as something else that gives the same (a lookup in an array, the CPU's number); undefined: it stays. */
  readonly expand: (make: Appender, call: Value) => Value | undefined;
  /** Whether the 64 bits that a call gives are the address of an offset, or NULL for 0. */
  readonly givesPointer: (call: Value) => boolean;
  /** Whether a call changes no memory that the program reads. */
  readonly reads: (call: Value) => boolean;
  /** How many bytes at the pointer in an argument (from 0) a call may access; undefined where nobody knows. */
  readonly extent: (call: Value, argument: number) => number | undefined;
}

/**
 * Goes through a function once and makes each value again out of what its arguments were found to be: folded, shared
 * with one that is the same, and loads taken from what was stored or loaded before.
 */
export function simplify(func: IrFunction, knowledge: CallKnowledge): void {
  const make = new Appender(func, func.valueCount);
  for (const block of func.inOrder()) {
    for (const phi of block.phis) resolveArgs(phi);
    make.begin(block);
    const memory = new MemoryState(func.frameEscapes);
    for (const value of block.values) again(make, memory, value, knowledge);
    const { terminator } = block;
    if (terminator.kind === "branch") terminator.condition = resolve(terminator.condition);
    else if (terminator.kind === "return") terminator.value = resolve(terminator.value);
    block.values = make.values;
  }
  for (const block of func.inOrder()) for (const phi of block.phis) resolveArgs(phi);
  // All else was settled as it was made: only a phi may be used in front of what it was found to be.
  if (removeTrivialPhis(func)) settle(func);
}

function again(make: Appender, memory: MemoryState, value: Value, knowledge: CallKnowledge): void {
  resolveArgs(value);
  make.func.slot = value.slot;
  make.reuse = value;
  const found = rebuilt(make, value, knowledge);
  make.reuse = null;
  if (found !== undefined) {
    if (found !== value) value.forward = found;
    return;
  }
  if (value.op === Op.load) {
    const known = memory.known(make, value);
    if (known !== undefined) {
      value.forward = known;
      return;
    }
    make.append(value);
    memory.loaded(value);
    return;
  }
  if (value.op === Op.call && value.type === "i64" && knowledge.givesPointer(value)) {
    // From here on it is a call that gives the offset.
    const { args, imm } = value;
    const offset = make.effect(Op.call, "i32", args, { imm });
    value.forward = pointerOrNull(make, binary(make, Op.ne, offset, make.i32(0)), offset);
    if (!knowledge.reads(value)) memory.forget();
    return;
  }
  make.append(value);
  if (value.op === Op.store) memory.stored(make, value);
  else if (value.op === Op.atomic) memory.forget();
  else if (value.op === Op.tailCall || value.op === Op.callLocal) memory.forget();
  else if (value.op === Op.call && !knowledge.reads(value)) memory.forget();
}

/** A pure value in its simplest form, or what a call is expanded to; undefined for what is done in its place. */
function rebuilt(make: Appender, value: Value, { expand }: CallKnowledge): Value | undefined {
  const { op, args } = value;
  if (op === Op.call) return expand(make, value);
  if (!isPure(value)) return undefined;
  if ((op >= Op.add && op <= Op.shrS) || isComparison(op)) return binary(make, op, args[0]!, args[1]!);
  switch (op) {
    case Op.wrap:
      return wrap(make, args[0]!);
    case Op.extendU:
      return extendU(make, args[0]!);
    case Op.extendS:
      if (isConst(args[0]!)) return make.i64(args[0].imm, args[0].imm >> 31);
      return make.make(op, value.type, args, value.imm);
    case Op.extend:
      if (isConst(args[0]!) && value.type === "i32")
        return make.i32((args[0].imm << (32 - value.imm)) >> (32 - value.imm));
      return make.make(op, value.type, args, value.imm);
    case Op.select:
      return select(make, args[0]!, args[1]!, args[2]!);
    case Op.const:
      return value.type === "i32" ? make.i32(value.imm) : make.i64(value.imm, value.high);
    default:
      return make.make(op, value.type, args, value.imm);
  }
}
