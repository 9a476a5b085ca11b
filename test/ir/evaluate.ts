import { type IrType, Op, type Value, type ValueTable } from "../../src/ir/index.ts";

/** What parameters and loads give; and where the frame is. */
export interface Surroundings {
  readonly leaf: (value: Value) => bigint;
  readonly frame: bigint;
}

/** KERNEL_BASE: above the offset in an address. */
const BASE = 0xffff_8000_0000_0000n;

function bitsOf(type: IrType): number {
  return type === "i64" ? 64 : 32;
}

/** What an operation on two numbers gives, by RFC 9669: unsigned, of as many bits as its type has. */
export function evaluateBinary(op: Op, type: IrType, first: bigint, second: bigint): bigint {
  const bits = bitsOf(type);
  const unsigned = (value: bigint) => BigInt.asUintN(bits, value);
  const signed = (value: bigint) => BigInt.asIntN(bits, value);
  const [a, b] = [unsigned(first), unsigned(second)];
  const count = b & BigInt(bits - 1);
  const holds = (condition: boolean) => (condition ? 1n : 0n);
  switch (op) {
    case Op.add:
      return unsigned(a + b);
    case Op.sub:
      return unsigned(a - b);
    case Op.mul:
      return unsigned(a * b);
    case Op.divU:
      return b === 0n ? 0n : a / b;
    case Op.divS:
      return b === 0n ? 0n : unsigned(signed(a) / signed(b));
    case Op.remU:
      return b === 0n ? a : a % b;
    case Op.remS:
      return b === 0n ? a : unsigned(signed(a) % signed(b));
    case Op.and:
      return a & b;
    case Op.or:
      return a | b;
    case Op.xor:
      return a ^ b;
    case Op.shl:
      return unsigned(a << count);
    case Op.shrU:
      return a >> count;
    case Op.shrS:
      return unsigned(signed(a) >> count);
    case Op.eq:
      return holds(a === b);
    case Op.ne:
      return holds(a !== b);
    case Op.ltU:
      return holds(a < b);
    case Op.ltS:
      return holds(signed(a) < signed(b));
    case Op.leU:
      return holds(a <= b);
    case Op.leS:
      return holds(signed(a) <= signed(b));
    default:
      throw new Error(`no binary operation: ${op}`);
  }
}

/** Of the low `bits` bits: the bytes in reverse. */
function swapped(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let at = 0; at < bits; at += 8) result = (result << 8n) | ((value >> BigInt(at)) & 0xffn);
  return result;
}

/** The number that a value is, unsigned. */
export function evaluate(func: ValueTable, value: Value, around: Surroundings): bigint {
  const [op, type, imm, high] = [func.op(value), func.type(value), func.imm(value), func.high(value)];
  const of = (index: number) => evaluate(func, func.arg(value, index), around);
  const bits = bitsOf(type);
  switch (op) {
    case Op.const:
      return type === "i32"
        ? BigInt.asUintN(32, BigInt(imm))
        : BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(imm >>> 0));
    case Op.frame:
      return around.frame;
    case Op.param:
    case Op.load:
      return around.leaf(value);
    case Op.bswap:
      return swapped(of(0), imm);
    case Op.extend:
      return BigInt.asUintN(bits, BigInt.asIntN(imm, of(0)));
    case Op.wrap:
      return BigInt.asUintN(32, of(0));
    case Op.extendU:
      return of(0);
    case Op.extendS:
      return BigInt.asUintN(64, BigInt.asIntN(32, of(0)));
    case Op.select:
      return of(0) !== 0n ? of(1) : of(2);
    case Op.address:
      return BASE | of(0);
    default:
      // Comparisons are of what their arguments are.
      return evaluateBinary(op, func.type(func.arg(value, 0)), of(0), of(1));
  }
}
