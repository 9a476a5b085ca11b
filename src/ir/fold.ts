import {
  bigOf,
  constantOf,
  foldBinary,
  fromBig,
  isConst,
  isConstOf,
  powerOfTwo,
  type ValueMaker,
  zero,
} from "./constants.ts";
import { isComparison, Op, type Value } from "./value.ts";

const COMMUTES: ReadonlySet<Op> = new Set<Op>([Op.add, Op.mul, Op.and, Op.or, Op.xor, Op.eq, Op.ne]);

/** Operations on 64 bits whose low half follows from the low halves of their arguments. */
const LOW_HALVES: ReadonlySet<Op> = new Set<Op>([Op.add, Op.sub, Op.mul, Op.and, Op.or, Op.xor]);

/** Makes `op(a, b)` in its simplest form. */
export function binary(make: ValueMaker, op: Op, a: Value, b: Value): Value {
  if (isConst(a) && isConst(b)) {
    const folded = foldBinary(make, op, a, b);
    if (folded !== undefined) return folded;
  }
  // Constants stand last.
  if (isConst(a) && COMMUTES.has(op)) return binary(make, op, b, a);
  if (isConst(b)) {
    const simple = withConstant(make, op, a, b);
    if (simple !== undefined) return simple;
  }
  if (a === b) {
    if (op === Op.xor || op === Op.sub) return zero(make, a.type);
    if (op === Op.and || op === Op.or) return a;
    if (op === Op.eq || op === Op.leU || op === Op.leS) return make.i32(1);
    if (op === Op.ne || op === Op.ltU || op === Op.ltS) return make.i32(0);
  }
  if (op === Op.or && a.type === "i64") {
    const narrow = narrowed(make, op, a, b);
    if (narrow !== undefined) return narrow;
  }
  const comparison = isComparison(op);
  if (comparison && a.op === Op.extendU && b.op === Op.extendU)
    return binary(make, unsignedOf(op), a.args[0]!, b.args[0]!);
  return make.make(op, comparison ? "i32" : a.type, [a, b]);
}

/** Both sides are zero-extended from 32 bits: so is the result. */
function narrowed(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  if (a.op !== Op.extendU || b.op !== Op.extendU) return undefined;
  return extendU(make, binary(make, op, a.args[0]!, b.args[0]!));
}

/** The second operand is known. */
function withConstant(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  const wide = a.type === "i64";
  const isZero = isConstOf(b, 0);
  const isOnes = isConstOf(b, -1, -1);
  switch (op) {
    case Op.add:
    case Op.sub: {
      if (isZero) return a;
      if (op === Op.sub) return binary(make, Op.add, a, negated(make, b));
      // (x + c) + d
      if (a.op === Op.add && isConst(a.args[1]!))
        return binary(make, Op.add, a.args[0]!, foldBinary(make, Op.add, a.args[1]!, b)!);
      // A place in the frame: none of those reaches so far that the sum would leave the low half.
      if (
        a.op === Op.address &&
        isFramePlace(a.args[0]!) &&
        Math.abs(b.imm) < 0x8000 &&
        b.high === b.imm >> 31
      )
        return make.make(Op.address, "i64", [binary(make, Op.add, a.args[0]!, make.i32(b.imm))]);
      return undefined;
    }
    case Op.mul: {
      if (isZero) return b;
      const shift = powerOfTwo(b);
      if (shift >= 0) return binary(make, Op.shl, a, wide ? make.i64(shift, 0) : make.i32(shift));
      return undefined;
    }
    case Op.divU: {
      const shift = powerOfTwo(b);
      return shift < 0 ? undefined : binary(make, Op.shrU, a, wide ? make.i64(shift, 0) : make.i32(shift));
    }
    case Op.remU: {
      const shift = powerOfTwo(b);
      if (shift < 0) return undefined;
      return binary(make, Op.and, a, foldBinary(make, Op.sub, b, wide ? make.i64(1, 0) : make.i32(1))!);
    }
    case Op.and:
      return andConstant(make, a, b, isZero, isOnes);
    case Op.or:
    case Op.xor:
      if (isZero) return a;
      if (op === Op.or && isOnes) return b;
      return undefined;
    case Op.shl:
    case Op.shrU:
    case Op.shrS:
      return shiftConstant(make, op, a, b);
    case Op.eq:
    case Op.ne:
    case Op.ltU:
    case Op.leU:
    case Op.ltS:
    case Op.leS:
      return compareConstant(make, op, a, b, isZero);
    default:
      return undefined;
  }
}

/** The frame's offset, or that and a constant. */
export function isFramePlace(value: Value): boolean {
  return (
    value.op === Op.frame ||
    (value.op === Op.add && value.args[0]!.op === Op.frame && isConst(value.args[1]!))
  );
}

function negated(make: ValueMaker, value: Value): Value {
  return value.type === "i32" ? make.i32(-value.imm | 0) : fromBig(make, -bigOf(value));
}

function andConstant(
  make: ValueMaker,
  a: Value,
  b: Value,
  isZero: boolean,
  isOnes: boolean,
): Value | undefined {
  if (isZero) return b;
  if (isOnes) return a;
  if (a.type === "i64" && b.high === 0) {
    // The high half goes: the rest is done with 32 bits.
    const low = wrap(make, a);
    return extendU(make, b.imm === -1 ? low : binary(make, Op.and, low, make.i32(b.imm)));
  }
  const known = knownBits(a);
  if (a.type === "i32" && (known & ~b.imm) === 0) return a;
  if (a.op === Op.and && isConst(a.args[1]!))
    return binary(make, Op.and, a.args[0]!, foldBinary(make, Op.and, a.args[1]!, b)!);
  return undefined;
}

/** How deep expressions are looked into for bits that are 0: what they share is looked at each time. */
const BITS_DEPTH = 6;

/** A mask of the bits that an i32 may have. */
function knownBits(value: Value, depth = BITS_DEPTH): number {
  if (value.type !== "i32" || depth === 0) return -1;
  const [a, b, c] = value.args;
  switch (value.op) {
    case Op.load:
      return value.signed || value.size === 4 ? -1 : value.size === 1 ? 0xff : 0xffff;
    case Op.and:
      return isConst(b!) ? b.imm : -1;
    case Op.bswap:
      return value.imm === 16 ? 0xffff : -1;
    case Op.shrU:
      return isConst(b!) ? knownBits(a!, depth - 1) >>> (b.imm & 31) : -1;
    case Op.shl:
      return isConst(b!) ? knownBits(a!, depth - 1) << (b.imm & 31) : -1;
    case Op.or:
    case Op.xor:
      return knownBits(a!, depth - 1) | knownBits(b!, depth - 1);
    case Op.select:
      return knownBits(b!, depth - 1) | knownBits(c!, depth - 1);
    case Op.const:
      return value.imm;
    default:
      return isComparison(value.op) ? 1 : -1;
  }
}

function shiftConstant(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  const bits = a.type === "i64" ? 64 : 32;
  const count = b.imm & (bits - 1);
  if (count === 0) return a;
  if (op === a.op && isConst(a.args[1]!) && op !== Op.shrS) {
    const sum = count + (a.args[1]!.imm & (bits - 1));
    return sum >= bits ? zero(make, a.type) : binary(make, op, a.args[0]!, constantOf(make, a.type, sum));
  }
  if (a.type === "i64") {
    // (x << 32) >> 32: the low half, extended.
    if (count === 32 && a.op === Op.shl && isConstOf(a.args[1]!, 32) && op !== Op.shl) {
      const low = wrap(make, a.args[0]!);
      return op === Op.shrU ? extendU(make, low) : make.make(Op.extendS, "i64", [low]);
    }
    if (a.op === Op.extendU && op === Op.shrU)
      return count >= 32 ? make.i64(0, 0) : extendU(make, binary(make, Op.shrU, a.args[0]!, make.i32(count)));
    // No bit leaves the low half.
    if (a.op === Op.extendU && op === Op.shl && count < 32) {
      const known = knownBits(a.args[0]!);
      if (known >= 0 && Math.clz32(known) >= count)
        return extendU(make, binary(make, Op.shl, a.args[0]!, make.i32(count)));
    }
  }
  // (x << c) >> c
  if (op === Op.shrU && a.op === Op.shl && isConst(a.args[1]!) && (a.args[1]!.imm & (bits - 1)) === count) {
    const mask = a.type === "i64" ? fromBig(make, (1n << BigInt(64 - count)) - 1n) : make.i32(-1 >>> count);
    return binary(make, Op.and, a.args[0]!, mask);
  }
  return undefined;
}

function compareConstant(make: ValueMaker, op: Op, a: Value, b: Value, isZero: boolean): Value | undefined {
  if (op === Op.ltU && isZero) return make.i32(0);
  // A pointer that was found or is NULL, compared with NULL.
  if (isZero && (op === Op.eq || op === Op.ne)) {
    if (a.op === Op.address) return make.i32(op === Op.ne ? 1 : 0);
    if (a.op === Op.select && isConstOf(a.args[2]!, 0) && a.args[1]!.op === Op.address)
      return op === Op.ne ? a.args[0]! : negate(make, a.args[0]!);
    if (a.type === "i32" && isComparison(a.op)) return op === Op.ne ? a : negate(make, a);
  }
  if (a.op === Op.extendU && b.high === 0) {
    return binary(make, unsignedOf(op), a.args[0]!, make.i32(b.imm));
  }
  return undefined;
}

/** How numbers below 2^32 are compared: without sign. */
function unsignedOf(op: Op): Op {
  return op === Op.ltS ? Op.ltU : op === Op.leS ? Op.leU : op;
}

const OPPOSITE: ReadonlyMap<Op, readonly [Op, boolean]> = new Map<Op, readonly [Op, boolean]>([
  [Op.eq, [Op.ne, false]],
  [Op.ne, [Op.eq, false]],
  // not (a < b): b <= a
  [Op.ltU, [Op.leU, true]],
  [Op.ltS, [Op.leS, true]],
  [Op.leU, [Op.ltU, true]],
  [Op.leS, [Op.ltS, true]],
]);

/** Whether a condition does not hold. */
export function negate(make: ValueMaker, condition: Value): Value {
  if (isConst(condition)) return make.i32(condition.imm === 0 ? 1 : 0);
  const opposite = OPPOSITE.get(condition.op);
  if (opposite === undefined) return make.make(Op.eq, "i32", [condition, make.i32(0)]);
  const [op, swapped] = opposite;
  const [a, b] = condition.args as [Value, Value];
  return make.make(op, "i32", swapped ? [b, a] : [a, b]);
}

/** How deep the low half of an expression is followed: it is computed beside the whole. */
const WRAP_DEPTH = 5;

/** The low half. */
export function wrap(make: ValueMaker, value: Value, depth = WRAP_DEPTH): Value {
  if (depth === 0) return make.make(Op.wrap, "i32", [value]);
  switch (value.op) {
    case Op.const:
      return make.i32(value.imm);
    case Op.extendU:
    case Op.extendS:
    case Op.address:
      return value.args[0]!;
    case Op.select: {
      const [condition, a, b] = value.args as [Value, Value, Value];
      const [low, other] = [wrap(make, a, depth - 1), wrap(make, b, depth - 1)];
      // An offset that is not 0, and else 0.
      if (
        condition.op === Op.ne &&
        condition.args[0] === low &&
        isConstOf(condition.args[1]!, 0) &&
        isConstOf(other, 0)
      )
        return low;
      return select(make, condition, low, other);
    }
    case Op.shl: {
      const [a, b] = value.args as [Value, Value];
      if (!isConst(b)) break;
      const count = b.imm & 63;
      return count >= 32 ? make.i32(0) : binary(make, Op.shl, wrap(make, a, depth - 1), make.i32(count));
    }
    default:
      // Not where it would only be computed twice.
      if (LOW_HALVES.has(value.op) && value.args.some(hasCheapHalf))
        return binary(
          make,
          value.op,
          wrap(make, value.args[0]!, depth - 1),
          wrap(make, value.args[1]!, depth - 1),
        );
  }
  return make.make(Op.wrap, "i32", [value]);
}

/** Whether the low half of a value is there already, or costs nothing. */
function hasCheapHalf({ op }: Value): boolean {
  return op === Op.const || op === Op.extendU || op === Op.extendS || op === Op.address;
}

export function extendU(make: ValueMaker, value: Value): Value {
  if (isConst(value)) return make.i64(value.imm, 0);
  return make.make(Op.extendU, "i64", [value]);
}

/** `a` where the condition holds, else `b`, in its simplest form. */
export function select(make: ValueMaker, condition: Value, a: Value, b: Value): Value {
  if (isConst(condition)) return condition.imm !== 0 ? a : b;
  if (a === b) return a;
  // What both sides extend is chosen before it is.
  if (a.type === "i64" && isShort(a) && isShort(b))
    return extendU(make, select(make, condition, wrap(make, a), wrap(make, b)));
  if (a.type === "i32" && isConst(a) && isConst(b)) {
    if (a.imm === b.imm) return a;
    const truth = isComparison(condition.op) ? condition : make.make(Op.ne, "i32", [condition, make.i32(0)]);
    if (a.imm === 1 && b.imm === 0) return truth;
    if (a.imm === 0 && b.imm === 1) return negate(make, truth);
  }
  return make.make(Op.select, a.type, [condition, a, b]);
}

/** Whether the high half of an i64 is known to be 0, by its form. */
export function isShort(value: Value): boolean {
  return value.op === Op.extendU || (isConst(value) && value.high === 0);
}

/** The address of an offset where a condition holds, else NULL. */
export function pointerOrNull(make: ValueMaker, condition: Value, offset: Value): Value {
  return make.make(Op.select, "i64", [condition, make.make(Op.address, "i64", [offset]), make.i64(0, 0)]);
}

/** The offset that an address which is not NULL leads to. */
export function offsetOf(make: ValueMaker, address: Value): Value {
  if (address.op === Op.select && isConstOf(address.args[2]!, 0)) return offsetOf(make, address.args[1]!);
  if (address.op === Op.add) {
    const [a, b] = address.args as [Value, Value];
    return binary(make, Op.add, offsetOf(make, a), wrap(make, b));
  }
  return wrap(make, address);
}
