import type { Span } from "../../base/index.ts";
import { type Insn, WideKind, wideSlots } from "../../isa/index.ts";
import { AsmCode, type Cursor, narrow, StatementError } from "../cursor.ts";
import { slotOf } from "../encode-row.ts";
import type { Statement } from "../statement.ts";
import { displacementOr, parseTarget, referenceOf } from "../target.ts";
import {
  isRegister,
  parseAddress,
  parseMemory,
  parseRegister,
  parseType,
  type Register,
  SIZE_OF_WIDTH,
} from "./operand.ts";

/** What stands left of the `=`. */
interface Destination {
  readonly dst: Register;
  readonly start: Span;
  /** Prefix of the names of guarded rows. */
  readonly guard: string;
}

const SWAP = /^(le|be|bswap)(16|32|64)$/;
const FETCH = /^atomic(64)?_fetch_(add|or|and|xor)$/;
const EXCHANGE = /^atomic(64)?_(xchg|cmpxchg)$/;
/** LLVM's exchanges: `xchg_64`, `xchg32_32`, `cmpxchg_64`, `cmpxchg32_32`. */
const LLVM_EXCHANGE = /^(xchg|cmpxchg)(?:_64|32_32)$/;

/** What follows `r1 =`. */
export function parseAssignedValue(cursor: Cursor, to: Destination): Statement {
  const { dst, start } = to;
  const token = cursor.peek();
  const one = (name: string, fields: Parameters<typeof slotOf>[1], what: string): Statement => ({
    insns: [slotOf(name, fields, start, what)],
  });
  if (token.kind === "word" && isRegister(token.text)) {
    const src = parseRegister(cursor);
    // LLVM writes a move that clears the upper half also as "r1 = w2".
    if (dst.width === 32) sameWidth(dst, src);
    return one(`mov${src.width}_x`, { dst: dst.number, src: src.number }, "such move");
  }
  if (token.text === "*") return one(...parseLoad(cursor, to), "such load");
  if (token.text === "(") {
    const match = parseCast(cursor);
    const src = sameWidth(dst, parseRegister(cursor));
    return one(
      `movsx${dst.width}_s${match}`,
      { dst: dst.number, src: src.number },
      `sign extension from ${match} to ${dst.width} bits`,
    );
  }
  if (token.text === "-") {
    const begin = cursor.position;
    cursor.next();
    const of = cursor.peek();
    if (of.kind === "word" && isRegister(of.text)) {
      sameRegister(dst, sameWidth(dst, parseRegister(cursor)));
      return one(`neg${dst.width}`, { dst: dst.number }, "such negation");
    }
    cursor.position = begin;
  }
  if (token.text === "&") {
    for (const part of ["&", "(", "void", "__percpu", "*", ")", "("]) cursor.expect(part);
    const src = parseRegister(cursor).number;
    cursor.expect(")");
    return one("percpu_address", { dst: dst.number, src }, "such address");
  }
  if (token.kind === "word") return parseFunction(cursor, to);
  return parseNumber(cursor, dst, start);
}

/** A number: 32 bits make a move, more of them (or the suffix `ll`) the load of a 64-bit immediate. */
function parseNumber(cursor: Cursor, dst: Register, start: Span): Statement {
  const { value, span } = cursor.integer("a value");
  const suffix = cursor.peek();
  const long = suffix.kind === "word" && /^u?ll$/i.test(suffix.text);
  if (long) cursor.next();
  if (dst.width === 64 && (long || isLoadOfListing(cursor, start))) {
    narrow(value, span, 64, "a number");
    return { insns: wideSlots(dst.number, WideKind.imm, value) };
  }
  const imm = narrow(value, span, 32, "an immediate", dst.width === 64 ? " (add the suffix 'll')" : "");
  return { insns: [slotOf(`mov${dst.width}_k`, { dst: dst.number, imm }, start, "such move")] };
}

/** Whether the line is one of a listing whose `(18)` says that the number is a 64-bit immediate. */
function isLoadOfListing(cursor: Cursor, start: Span): boolean {
  return cursor.text
    .slice(Math.max(0, start.start - 5), start.start)
    .trimEnd()
    .endsWith("(18)");
}

function parseLoad(
  cursor: Cursor,
  { dst, guard }: Destination,
): [string, { dst: number; src: number; off: number; imm: number }] {
  cursor.expect("*");
  const type = parseType(cursor);
  const size = SIZE_OF_WIDTH[type.width]!;
  if (cursor.peek().text === "skb") {
    cursor.next();
    if (dst.number !== 0)
      throw new StatementError(AsmCode.register, `expected r0, got '${dst.text}'`, dst.span);
    cursor.expect("[");
    const token = cursor.peek();
    if (token.kind !== "word" || !isRegister(token.text)) {
      const imm = cursor.imm32("a register or a number");
      cursor.expect("]");
      return [`ld_abs_${size}`, { dst: 0, src: 0, off: 0, imm }];
    }
    const src = parseRegister(cursor).number;
    let imm = 0;
    const sign = cursor.peek();
    if (sign.text === "+" || sign.text === "-") {
      cursor.next();
      const { value, span } = cursor.integer("an offset");
      imm = narrow(sign.text === "-" ? -value : value, span, 32, "an offset");
    }
    cursor.expect("]");
    return [`ld_ind_${size}`, { dst: 0, src, off: 0, imm }];
  }
  const memory = parseMemory(cursor);
  const name = `${guard}${type.signed ? "ldsx" : "ldx"}_${size}`;
  return [name, { dst: dst.number, src: memory.dst, off: memory.off, imm: 0 }];
}

/** `(s8)`, `(s16)`, `(s32)` */
function parseCast(cursor: Cursor): string {
  cursor.expect("(");
  const match = /^s(8|16|32)$/.exec(cursor.peek().text);
  if (match === null) throw cursor.expected("s8, s16 or s32");
  cursor.next();
  cursor.expect(")");
  return match[1]!;
}

/** Everything written like a call of a function, or as a word with a register. */
function parseFunction(cursor: Cursor, to: Destination): Statement {
  const { dst, start, guard } = to;
  const word = cursor.next();
  const swap = SWAP.exec(word.text);
  if (swap !== null) {
    sameRegister(dst, sameWidth(dst, parseRegister(cursor)));
    return { insns: [slotOf(word.text, { dst: dst.number }, start, "such byte swap")] };
  }
  const fetch = FETCH.exec(word.text);
  const exchange = EXCHANGE.exec(word.text);
  if (fetch !== null || exchange !== null) {
    const [width, memory] = typedMemory(cursor, fetch ?? exchange!);
    const name = fetch !== null ? `atomic_fetch_${fetch[2]}` : exchange![2]!;
    const src = atomicOperand(cursor, dst, name === "cmpxchg");
    return {
      insns: [
        slotOf(
          `${guard}${name}_${SIZE_OF_WIDTH[width]}`,
          { ...memory, src },
          start,
          "atomic operation of this size",
        ),
      ],
    };
  }
  const llvm = LLVM_EXCHANGE.exec(word.text);
  if (llvm !== null) {
    cursor.expect("(");
    const memory = parseAddress(cursor);
    const src = atomicOperand(cursor, dst, llvm[1] === "cmpxchg");
    const size = word.text.endsWith("_64") ? "dw" : "w";
    return { insns: [slotOf(`${guard}${llvm[1]}_${size}`, { ...memory, src }, start, "such exchange")] };
  }
  switch (word.text) {
    case "load_acquire": {
      cursor.expect("(");
      const type = parseType(cursor);
      const memory = parseMemory(cursor);
      cursor.expect(")");
      const fields = { dst: dst.number, src: memory.dst, off: memory.off };
      if (type.signed) throw new StatementError(AsmCode.syntax, "expected an unsigned type", type.span);
      return {
        insns: [slotOf(`${guard}load_acquire_${SIZE_OF_WIDTH[type.width]}`, fields, start, "such load")],
      };
    }
    case "addr_space_cast": {
      cursor.expect("(");
      const src = parseRegister(cursor).number;
      cursor.expect(",");
      const space = (): number => {
        const { value, span } = cursor.integer("an address space");
        if (value < 0n || value > 0xffffn) {
          throw new StatementError(AsmCode.range, `expected an address space of 16 bits, got ${value}`, span);
        }
        return Number(value);
      };
      const toSpace = space();
      cursor.expect(",");
      const fromSpace = space();
      cursor.expect(")");
      return {
        insns: [
          slotOf(
            "addr_space_cast",
            { dst: dst.number, src, imm: (toSpace << 16) | fromSpace },
            start,
            "such cast",
          ),
        ],
      };
    }
    case "map":
    case "btf":
    case "subprog":
      return parsePseudo(cursor, word.text, dst.number);
  }
  throw new StatementError(AsmCode.instruction, `expected a value, got '${word.text}'`, word);
}

/** `map[id:5]`, `map[id:5][0]+8`, `map[idx:1]`, `map[idx:1]+8`, `btf[id:77]`, `subprog[+5]` */
function parsePseudo(cursor: Cursor, word: "map" | "btf" | "subprog", dst: number): Statement {
  cursor.expect("[");
  if (word === "subprog") {
    const target = parseTarget(cursor, 32);
    cursor.expect("]");
    const imm = BigInt.asUintN(32, BigInt(displacementOr(target, 0)));
    return { insns: wideSlots(dst, WideKind.func, imm), ...referenceOf(target, "imm") };
  }
  const index = word === "map" && cursor.accept("idx");
  if (!index) cursor.expect("id");
  cursor.expect(":");
  const imm = cursor.imm32("a number");
  cursor.expect("]");
  let next = 0;
  let value = false;
  if (word === "map") {
    const element = !index && cursor.acceptAll("[", "0", "]");
    if (element || cursor.peek().text === "+" || cursor.peek().text === "-") {
      value = true;
      if (cursor.accept("+") || cursor.peek().text === "-") {
        const offset = cursor.integer("an offset");
        next = narrow(offset.value, offset.span, 32, "an offset");
      }
    }
  }
  const kind =
    word === "btf"
      ? WideKind.btfId
      : index
        ? value
          ? WideKind.mapIdxValue
          : WideKind.mapIdx
        : value
          ? WideKind.mapValue
          : WideKind.mapFd;
  return { insns: pseudoSlots(dst, kind, imm, next) };
}

function pseudoSlots(dst: number, kind: WideKind, imm: number, next: number): readonly Insn[] {
  return wideSlots(dst, kind, (BigInt(next) << 32n) | BigInt(imm >>> 0));
}

/** `(u64 *)(r1 + 0)` behind the parenthesis of a kernel atomic; the word and the type agree on the size. */
function typedMemory(cursor: Cursor, match: RegExpExecArray): [number, { dst: number; off: number }] {
  cursor.expect("(");
  const type = parseType(cursor);
  const memory = parseMemory(cursor);
  if (type.signed) throw new StatementError(AsmCode.syntax, "expected an unsigned type", type.span);
  if (match[1] === "64" && type.width !== 64) {
    throw new StatementError(
      AsmCode.syntax,
      `expected u64 as the name says, got 'u${type.width}'`,
      type.span,
    );
  }
  return [type.width, memory];
}

/** `, r2)`, or `, r0, r2)` of a compare and exchange; the result goes to the operand, or to r0. */
function atomicOperand(cursor: Cursor, dst: Register, compare: boolean): number {
  cursor.expect(",");
  if (compare) {
    for (const register of [dst, parseRegister(cursor)]) {
      if (register.number !== 0) {
        throw new StatementError(AsmCode.register, `expected r0, got '${register.text}'`, register.span);
      }
    }
    cursor.expect(",");
  }
  const src = parseRegister(cursor);
  cursor.expect(")");
  if (!compare) sameRegister(dst, src);
  return src.number;
}

function sameWidth(left: Register, right: Register): Register {
  if (left.width !== right.width) {
    const expected = left.width === 64 ? "a 64-bit register (r)" : "a 32-bit register (w)";
    throw new StatementError(AsmCode.register, `expected ${expected}, got '${right.text}'`, right.span);
  }
  return right;
}

function sameRegister(left: Register, right: Register): void {
  if (left.number !== right.number) {
    throw new StatementError(
      AsmCode.register,
      `expected '${left.text}' on both sides, got '${right.text}'`,
      right.span,
    );
  }
}
