import { type IrType, Op, type Value } from "./value.ts";
import type { ValueMaker } from "./value-maker.ts";
import type { ValueTable } from "./value-table.ts";

export function bigOf(func: ValueTable, value: Value): bigint {
  return (BigInt(func.high(value)) << 32n) | BigInt(func.imm(value) >>> 0);
}

export function fromBig(make: ValueMaker, value: bigint): Value {
  return make.i64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}

/** What an operation on known values gives; undefined for those that are not folded. */
export function foldBinary(make: ValueMaker, op: Op, a: Value, b: Value): Value | undefined {
  const { func } = make;
  if (func.isWide(a)) return foldWide(make, op, bigOf(func, a), bigOf(func, b));
  const [x, y] = [func.imm(a), func.imm(b)];
  switch (op) {
    case Op.add:
      return make.i32((x + y) | 0);
    case Op.sub:
      return make.i32((x - y) | 0);
    case Op.mul:
      return make.i32(Math.imul(x, y));
    case Op.and:
      return make.i32(x & y);
    case Op.or:
      return make.i32(x | y);
    case Op.xor:
      return make.i32(x ^ y);
    case Op.shl:
      return make.i32(x << y);
    case Op.shrU:
      return make.i32((x >>> y) | 0);
    case Op.shrS:
      return make.i32(x >> y);
    case Op.divU:
      return make.i32(y === 0 ? 0 : ((x >>> 0) / (y >>> 0)) | 0);
    case Op.remU:
      return make.i32(y === 0 ? x : ((x >>> 0) % (y >>> 0)) | 0);
    case Op.eq:
      return make.i32(x === y ? 1 : 0);
    case Op.ne:
      return make.i32(x !== y ? 1 : 0);
    case Op.ltU:
      return make.i32(x >>> 0 < y >>> 0 ? 1 : 0);
    case Op.ltS:
      return make.i32(x < y ? 1 : 0);
    case Op.leU:
      return make.i32(x >>> 0 <= y >>> 0 ? 1 : 0);
    case Op.leS:
      return make.i32(x <= y ? 1 : 0);
    default:
      return undefined;
  }
}

function foldWide(make: ValueMaker, op: Op, x: bigint, y: bigint): Value | undefined {
  const unsigned = (value: bigint) => BigInt.asUintN(64, value);
  const holds = (condition: boolean) => make.i32(condition ? 1 : 0);
  switch (op) {
    case Op.add:
      return fromBig(make, x + y);
    case Op.sub:
      return fromBig(make, x - y);
    case Op.mul:
      return fromBig(make, x * y);
    case Op.and:
      return fromBig(make, x & y);
    case Op.or:
      return fromBig(make, x | y);
    case Op.xor:
      return fromBig(make, x ^ y);
    case Op.shl:
      return fromBig(make, x << (y & 63n));
    case Op.shrU:
      return fromBig(make, unsigned(x) >> (y & 63n));
    case Op.shrS:
      return fromBig(make, x >> (y & 63n));
    case Op.divU:
      return fromBig(make, y === 0n ? 0n : unsigned(x) / unsigned(y));
    case Op.remU:
      return fromBig(make, y === 0n ? x : unsigned(x) % unsigned(y));
    case Op.eq:
      return holds(x === y);
    case Op.ne:
      return holds(x !== y);
    case Op.ltU:
      return holds(unsigned(x) < unsigned(y));
    case Op.ltS:
      return holds(x < y);
    case Op.leU:
      return holds(unsigned(x) <= unsigned(y));
    case Op.leS:
      return holds(x <= y);
    default:
      return undefined;
  }
}

export function zero(make: ValueMaker, type: IrType): Value {
  return type === "i32" ? make.i32(0) : make.i64(0, 0);
}

export function constantOf(make: ValueMaker, type: IrType, value: number): Value {
  return type === "i32" ? make.i32(value) : make.i64(value, 0);
}

/** The exponent; -1 where the constant is no power of two. */
export function powerOfTwo(func: ValueTable, value: Value): number {
  const single = (word: number) => (word !== 0 && (word & (word - 1)) === 0 ? 31 - Math.clz32(word) : -1);
  const [imm, high] = [func.imm(value), func.high(value)];
  if (!func.isWide(value) || high === 0) return single(imm);
  return imm === 0 && single(high) >= 0 ? 32 + single(high) : -1;
}
