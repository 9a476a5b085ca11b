import { bigOf, constantOf, foldBinary, fromBig, powerOfTwo, zero } from "./constants.ts";
import { isComparison, Op, type Value } from "./value.ts";
import type { ValueMaker } from "./value-maker.ts";
import type { ValueTable } from "./value-table.ts";

/** Operations whose arguments may change places. */
function commutes(op: Op): boolean {
  switch (op) {
    case Op.add:
    case Op.mul:
    case Op.and:
    case Op.or:
    case Op.xor:
    case Op.eq:
    case Op.ne:
      return true;
    default:
      return false;
  }
}

/** Operations on 64 bits whose low half follows from the low halves of their arguments. */
function hasLowHalf(op: Op): boolean {
  switch (op) {
    case Op.add:
    case Op.sub:
    case Op.mul:
    case Op.and:
    case Op.or:
    case Op.xor:
      return true;
    default:
      return false;
  }
}

/** Makes `op(a, b)` in its simplest form. */
export function binary(make: ValueMaker, op: Op, a: Value, b: Value): Value {
  const { func } = make;
  const isKnown = func.isConst(a);
  if (isKnown && func.isConst(b)) {
    const folded = foldBinary(make, op, a, b);
    if (folded !== undefined) return folded;
  }
  // Constants stand last.
  if (isKnown && commutes(op)) return binary(make, op, b, a);
  if (func.isConst(b)) {
    const simple = withConstant(make, op, a, b);
    if (simple !== undefined) return simple;
  }
  if (a === b) {
    if (op === Op.xor || op === Op.sub) return zero(make, func.type(a));
    if (op === Op.and || op === Op.or) return a;
    if (op === Op.eq || op === Op.leU || op === Op.leS) return make.i32(1);
    if (op === Op.ne || op === Op.ltU || op === Op.ltS) return make.i32(0);
  }
  const bothShort = func.op(a) === Op.extendU && func.op(b) === Op.extendU;
  // Both sides are zero-extended from 32 bits: so is the result.
  if (bothShort && op === Op.or) return extendU(make, binary(make, op, func.arg(a, 0), func.arg(b, 0)));
  if (!isComparison(op)) return make.two(op, func.type(a), a, b);
  if (bothShort) return binary(make, unsignedOf(op), func.arg(a, 0), func.arg(b, 0));
  return make.two(op, "i32", a, b);
}

/** The second operand is known. */
function withConstant(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  const { func } = make;
  const wide = func.isWide(a);
  const isZero = func.isConstOf(b, 0);
  const number = (value: number) => (wide ? make.i64(value, 0) : make.i32(value));
  switch (op) {
    case Op.add:
    case Op.sub: {
      if (isZero) return a;
      if (op === Op.sub) return binary(make, Op.add, a, negated(make, b));
      // (x + c) + d
      if (func.op(a) === Op.add && func.isConst(func.arg(a, 1)))
        return binary(make, Op.add, func.arg(a, 0), foldBinary(make, Op.add, func.arg(a, 1), b)!);
      // A place in the frame: none of those reaches so far that the sum would leave the low half.
      if (
        func.op(a) === Op.address &&
        isFramePlace(func, func.arg(a, 0)) &&
        Math.abs(func.imm(b)) < 0x8000 &&
        func.high(b) === func.imm(b) >> 31
      )
        return make.one(Op.address, "i64", binary(make, Op.add, func.arg(a, 0), make.i32(func.imm(b))));
      return undefined;
    }
    case Op.mul: {
      if (isZero) return b;
      const shift = powerOfTwo(func, b);
      return shift < 0 ? undefined : binary(make, Op.shl, a, number(shift));
    }
    case Op.divU: {
      const shift = powerOfTwo(func, b);
      return shift < 0 ? undefined : binary(make, Op.shrU, a, number(shift));
    }
    case Op.remU: {
      const shift = powerOfTwo(func, b);
      return shift < 0 ? undefined : binary(make, Op.and, a, foldBinary(make, Op.sub, b, number(1))!);
    }
    case Op.and:
      return andConstant(make, a, b, isZero);
    case Op.or:
    case Op.xor:
      if (isZero) return a;
      return op === Op.or && func.isConstOf(b, -1, -1) ? b : undefined;
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
export function isFramePlace(func: ValueTable, value: Value): boolean {
  const op = func.op(value);
  return (
    op === Op.frame ||
    (op === Op.add && func.op(func.arg(value, 0)) === Op.frame && func.isConst(func.arg(value, 1)))
  );
}

function negated(make: ValueMaker, value: Value): Value {
  const { func } = make;
  return func.isWide(value) ? fromBig(make, -bigOf(func, value)) : make.i32(-func.imm(value) | 0);
}

function andConstant(make: ValueMaker, a: Value, b: Value, isZero: boolean): Value | undefined {
  const { func } = make;
  if (isZero) return b;
  if (func.isConstOf(b, -1, -1)) return a;
  const mask = func.imm(b);
  if (func.isWide(a)) {
    if (func.high(b) === 0) {
      // The high half goes: the rest is done with 32 bits.
      const low = wrap(make, a);
      return extendU(make, mask === -1 ? low : binary(make, Op.and, low, make.i32(mask)));
    }
  } else if ((knownBits(func, a) & ~mask) === 0) return a;
  if (func.op(a) === Op.and && func.isConst(func.arg(a, 1)))
    return binary(make, Op.and, func.arg(a, 0), foldBinary(make, Op.and, func.arg(a, 1), b)!);
  return undefined;
}

/** How deep expressions are looked into for bits that are 0: what they share is looked at each time. */
const BITS_DEPTH = 6;

/** A mask of the bits that an i32 may have. */
function knownBits(func: ValueTable, value: Value, depth = BITS_DEPTH): number {
  if (func.type(value) !== "i32" || depth === 0) return -1;
  const of = (index: number) => knownBits(func, func.arg(value, index), depth - 1);
  const known = () => func.isConst(func.arg(value, 1));
  const count = () => func.imm(func.arg(value, 1)) & 31;
  const op = func.op(value);
  switch (op) {
    case Op.load:
      if (func.isSigned(value) || func.size(value) === 4) return -1;
      return func.size(value) === 1 ? 0xff : 0xffff;
    case Op.and:
      return known() ? func.imm(func.arg(value, 1)) : -1;
    case Op.bswap:
      return func.imm(value) === 16 ? 0xffff : -1;
    case Op.shrU:
      return known() ? of(0) >>> count() : -1;
    case Op.shl:
      return known() ? of(0) << count() : -1;
    case Op.or:
    case Op.xor:
      return of(0) | of(1);
    case Op.select:
      return of(1) | of(2);
    case Op.const:
      return func.imm(value);
    default:
      return isComparison(op) ? 1 : -1;
  }
}

function shiftConstant(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  const { func } = make;
  const type = func.type(a);
  const bits = type === "i64" ? 64 : 32;
  const count = func.imm(b) & (bits - 1);
  if (count === 0) return a;
  const inner = func.op(a);
  /** By how much `a` shifts, where that is known. */
  const before =
    (inner === Op.shl || inner === Op.shrU || inner === Op.shrS) && func.isConst(func.arg(a, 1))
      ? func.imm(func.arg(a, 1))
      : undefined;
  if (op === inner && before !== undefined && op !== Op.shrS) {
    const sum = count + (before & (bits - 1));
    return sum >= bits ? zero(make, type) : binary(make, op, func.arg(a, 0), constantOf(make, type, sum));
  }
  if (type === "i64") {
    // (x << 32) >> 32: the low half, extended.
    if (count === 32 && inner === Op.shl && before === 32 && op !== Op.shl) {
      const low = wrap(make, func.arg(a, 0));
      return op === Op.shrU ? extendU(make, low) : make.one(Op.extendS, "i64", low);
    }
    if (inner === Op.extendU && op === Op.shrU)
      return count >= 32
        ? make.i64(0, 0)
        : extendU(make, binary(make, Op.shrU, func.arg(a, 0), make.i32(count)));
    // No bit leaves the low half.
    if (inner === Op.extendU && op === Op.shl && count < 32) {
      const known = knownBits(func, func.arg(a, 0));
      if (known >= 0 && Math.clz32(known) >= count)
        return extendU(make, binary(make, Op.shl, func.arg(a, 0), make.i32(count)));
    }
  }
  // (x << c) >> c
  if (op === Op.shrU && inner === Op.shl && before !== undefined && (before & (bits - 1)) === count) {
    const mask = type === "i64" ? fromBig(make, (1n << BigInt(64 - count)) - 1n) : make.i32(-1 >>> count);
    return binary(make, Op.and, func.arg(a, 0), mask);
  }
  return undefined;
}

function compareConstant(make: ValueMaker, op: Op, a: Value, b: Value, isZero: boolean): Value | undefined {
  const { func } = make;
  if (op === Op.ltU && isZero) return make.i32(0);
  const form = func.op(a);
  // A pointer that was found or is NULL, compared with NULL.
  if (isZero && (op === Op.eq || op === Op.ne)) {
    if (form === Op.address) return make.i32(op === Op.ne ? 1 : 0);
    if (form === Op.select && func.isConstOf(func.arg(a, 2), 0) && func.op(func.arg(a, 1)) === Op.address)
      return op === Op.ne ? func.arg(a, 0) : negate(make, func.arg(a, 0));
    if (func.type(a) === "i32" && isComparison(form)) return op === Op.ne ? a : negate(make, a);
  }
  if (form === Op.extendU && func.high(b) === 0)
    return binary(make, unsignedOf(op), func.arg(a, 0), make.i32(func.imm(b)));
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
  const { func } = make;
  if (func.isConst(condition)) return make.i32(func.imm(condition) === 0 ? 1 : 0);
  const opposite = OPPOSITE.get(func.op(condition));
  if (opposite === undefined) return make.two(Op.eq, "i32", condition, make.i32(0));
  const [op, swapped] = opposite;
  const [a, b] = [func.arg(condition, 0), func.arg(condition, 1)];
  return swapped ? make.two(op, "i32", b, a) : make.two(op, "i32", a, b);
}

/** How deep the low half of an expression is followed: it is computed beside the whole. */
const WRAP_DEPTH = 5;

/** The low half. */
export function wrap(make: ValueMaker, value: Value, depth = WRAP_DEPTH): Value {
  const { func } = make;
  if (depth === 0) return make.one(Op.wrap, "i32", value);
  const op = func.op(value);
  switch (op) {
    case Op.const:
      return make.i32(func.imm(value));
    case Op.extendU:
    case Op.extendS:
    case Op.address:
      return func.arg(value, 0);
    case Op.select: {
      const condition = func.arg(value, 0);
      const low = wrap(make, func.arg(value, 1), depth - 1);
      const other = wrap(make, func.arg(value, 2), depth - 1);
      // An offset that is not 0, and else 0.
      if (
        func.op(condition) === Op.ne &&
        func.arg(condition, 0) === low &&
        func.isConstOf(func.arg(condition, 1), 0) &&
        func.isConstOf(other, 0)
      )
        return low;
      return select(make, condition, low, other);
    }
    case Op.shl: {
      const by = func.arg(value, 1);
      if (!func.isConst(by)) break;
      const count = func.imm(by) & 63;
      if (count >= 32) return make.i32(0);
      return binary(make, Op.shl, wrap(make, func.arg(value, 0), depth - 1), make.i32(count));
    }
    default: {
      if (!hasLowHalf(op)) break;
      const [a, b] = [func.arg(value, 0), func.arg(value, 1)];
      // Not where it would only be computed twice.
      if (hasCheapHalf(func.op(a)) || hasCheapHalf(func.op(b)))
        return binary(make, op, wrap(make, a, depth - 1), wrap(make, b, depth - 1));
    }
  }
  return make.one(Op.wrap, "i32", value);
}

/** Whether the low half of a value is there already, or costs nothing. */
function hasCheapHalf(op: Op): boolean {
  return op === Op.const || op === Op.extendU || op === Op.extendS || op === Op.address;
}

export function extendU(make: ValueMaker, value: Value): Value {
  const { func } = make;
  return func.isConst(value) ? make.i64(func.imm(value), 0) : make.one(Op.extendU, "i64", value);
}

/** `a` where the condition holds, else `b`, in its simplest form. */
export function select(make: ValueMaker, condition: Value, a: Value, b: Value): Value {
  const { func } = make;
  if (func.isConst(condition)) return func.imm(condition) !== 0 ? a : b;
  if (a === b) return a;
  // What both sides extend is chosen before it is.
  if (func.isWide(a) && isShort(func, a) && isShort(func, b))
    return extendU(make, select(make, condition, wrap(make, a), wrap(make, b)));
  if (func.type(a) === "i32" && func.isConst(a) && func.isConst(b)) {
    const [x, y] = [func.imm(a), func.imm(b)];
    if (x === y) return a;
    const truth = isComparison(func.op(condition))
      ? condition
      : make.two(Op.ne, "i32", condition, make.i32(0));
    if (x === 1 && y === 0) return truth;
    if (x === 0 && y === 1) return negate(make, truth);
  }
  return make.three(Op.select, func.type(a), condition, a, b);
}

/** Whether the high half of an i64 is known to be 0, by its form. */
export function isShort(func: ValueTable, value: Value): boolean {
  return func.op(value) === Op.extendU || (func.isConst(value) && func.high(value) === 0);
}

/** The address of an offset where a condition holds, else NULL. */
export function pointerOrNull(make: ValueMaker, condition: Value, offset: Value): Value {
  return make.three(Op.select, "i64", condition, make.one(Op.address, "i64", offset), make.i64(0, 0));
}

/** The offset that an address which is not NULL leads to. */
export function offsetOf(make: ValueMaker, address: Value): Value {
  const { func } = make;
  const op = func.op(address);
  if (op === Op.select && func.isConstOf(func.arg(address, 2), 0))
    return offsetOf(make, func.arg(address, 1));
  if (op === Op.add) {
    const b = func.arg(address, 1);
    return binary(make, Op.add, offsetOf(make, func.arg(address, 0)), wrap(make, b));
  }
  return wrap(make, address);
}
