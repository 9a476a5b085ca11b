import type { InsnRow } from "../../../src/isa/index.ts";
import { Operation, type OperationName } from "../../../src/isa/index.ts";

const NAMES = Object.keys(Operation) as OperationName[];

export function operationOf(row: InsnRow): OperationName {
  return NAMES[row.operation]!;
}

/** What RFC 9669 sections 4.1 and 4.2 say of one ALU operation, on integers without a width of their own. */
export function modelAlu(row: InsnRow, dst: bigint, operand: bigint): bigint {
  const bits = row.kind === "end" ? 64 : row.width;
  const unsigned = (value: bigint) => BigInt.asUintN(bits, value);
  const signed = (value: bigint) => BigInt.asIntN(bits, value);
  const a = unsigned(dst);
  const b = unsigned(operand);
  const count = b & BigInt(bits - 1);
  const swapped = () => {
    let out = 0n;
    for (let i = 0; i < row.width; i += 8) out = (out << 8n) | ((dst >> BigInt(i)) & 0xffn);
    return out;
  };
  switch (operationOf(row)) {
    case "add":
      return unsigned(a + b);
    case "sub":
      return unsigned(a - b);
    case "mul":
      return unsigned(a * b);
    case "div":
      return b === 0n ? 0n : a / b;
    case "sdiv":
      return b === 0n ? 0n : unsigned(signed(a) / signed(b));
    case "mod":
      return b === 0n ? a : a % b;
    case "smod":
      return b === 0n ? a : unsigned(signed(a) % signed(b));
    case "or":
      return a | b;
    case "and":
      return a & b;
    case "xor":
      return a ^ b;
    case "lsh":
      return unsigned(a << count);
    case "rsh":
      return a >> count;
    case "arsh":
      return unsigned(signed(a) >> count);
    case "mov":
      return b;
    case "movsx":
      return unsigned(BigInt.asIntN(row.extend, operand));
    case "neg":
      return unsigned(-a);
    case "toLe":
      return BigInt.asUintN(row.width, dst);
    case "toBe":
    case "bswap":
      return swapped();
    case "addrSpaceCast":
      return BigInt.asUintN(32, operand);
    default:
      throw new Error(`no model of ${row.name}`);
  }
}

/** Whether a conditional jump is taken (RFC 9669 section 4.3). */
export function modelBranch(row: InsnRow, dst: bigint, operand: bigint): boolean {
  const a = BigInt.asUintN(row.width, dst);
  const b = BigInt.asUintN(row.width, operand);
  const [x, y] = [BigInt.asIntN(row.width, dst), BigInt.asIntN(row.width, operand)];
  switch (operationOf(row)) {
    case "jeq":
      return a === b;
    case "jne":
      return a !== b;
    case "jgt":
      return a > b;
    case "jge":
      return a >= b;
    case "jlt":
      return a < b;
    case "jle":
      return a <= b;
    case "jsgt":
      return x > y;
    case "jsge":
      return x >= y;
    case "jslt":
      return x < y;
    case "jsle":
      return x <= y;
    case "jset":
      return (a & b) !== 0n;
    default:
      throw new Error(`no model of ${row.name}`);
  }
}

/** What an atomic operation leaves in memory (RFC 9669 section 5.3), given what was there, src and r0. */
export function modelAtomic(row: InsnRow, memory: bigint, src: bigint, r0: bigint): bigint {
  const bits = row.size * 8;
  const wrap = (value: bigint) => BigInt.asUintN(bits, value);
  switch (operationOf(row)) {
    case "atomicAdd":
      return wrap(memory + src);
    case "atomicOr":
      return wrap(memory | src);
    case "atomicAnd":
      return wrap(memory & src);
    case "atomicXor":
      return wrap(memory ^ src);
    case "xchg":
      return wrap(src);
    case "cmpxchg":
      return wrap(r0) === memory ? wrap(src) : memory;
    default:
      throw new Error(`no model of ${row.name}`);
  }
}
