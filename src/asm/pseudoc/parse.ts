import { type Insn, WideKind, wideSlots } from "../../isa/index.ts";
import { AsmCode, type Cursor, narrow, StatementError } from "../cursor.ts";
import { slotOf } from "../encode-row.ts";
import { type GuardPrefix, parseGuarded } from "../guard.ts";
import { parseRaw } from "../raw.ts";
import type { AssemblerNames, Dialect, Statement } from "../statement.ts";
import { ALU_SYMBOLS, ATOMIC_WORDS, CONDITION_SYMBOLS, inverse } from "../symbols.ts";
import { displacementOr, parseTarget, referenceOf } from "../target.ts";
import { parseCall, parseCallx } from "./call.ts";
import { skipListing } from "./listing-line.ts";
import {
  isRegister,
  parseMemory,
  parseRegister,
  parseType,
  type Register,
  SIZE_OF_WIDTH,
  type TypeName,
} from "./operand.ts";
import { parseAssignedValue } from "./value.ts";

const CONDITIONS = inverse(CONDITION_SYMBOLS);
const ASSIGNMENTS = inverse(ALU_SYMBOLS);
const ATOMIC_NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(ATOMIC_WORDS).map((word) => [ALU_SYMBOLS[word], word]),
);

/** The form of Linux's verifier log, of bpftool's listings and of LLVM's assembler. */
export const pseudoc: Dialect = {
  parse(cursor, names) {
    return parseGuarded(cursor, (guard) => new PseudoC(cursor, names, guard).statement());
  },
  skip: skipListing,
  octal: true,
};

class PseudoC {
  readonly #cursor: Cursor;
  readonly #names: AssemblerNames;
  readonly #guard: GuardPrefix;

  constructor(cursor: Cursor, names: AssemblerNames, guard: GuardPrefix) {
    this.#cursor = cursor;
    this.#names = names;
    this.#guard = guard;
  }

  statement(): Statement {
    const cursor = this.#cursor;
    const first = cursor.peek();
    if (first.text === "*") return one(this.#store());
    if (first.kind !== "word") throw cursor.expected("an instruction");
    if (isRegister(first.text)) return this.#assignment();
    switch (first.text) {
      case "if":
        return this.#branch();
      case "goto":
      case "gotol":
      case "may_goto":
        return this.#goto(first.text);
      case "call":
        return parseCall(cursor, this.#names);
      case "callx":
      case "callx_imm":
        return one(parseCallx(cursor));
      case "exit":
      case "nospec":
        cursor.next();
        return one(slotOf(first.text, {}, first, first.text));
      case "lock":
        return one(this.#lock());
      case "store_release":
        return one(this.#storeRelease());
      case "ld_pseudo":
        return { insns: this.#ldPseudo() };
      case ".insn":
        return { insns: parseRaw(cursor) };
    }
    throw new StatementError(AsmCode.instruction, `there is no instruction '${first.text}'`, first);
  }

  #branch(): Statement {
    const cursor = this.#cursor;
    const start = cursor.next();
    const left = parseRegister(cursor);
    const operator = cursor.peek();
    const condition = CONDITIONS.get(takeOperator(cursor));
    if (condition === undefined) {
      throw new StatementError(AsmCode.syntax, `expected a comparison, got '${operator.text}'`, operator);
    }
    const right = operand(cursor);
    checkWidths(left, right);
    const goto = cursor.peek();
    if (goto.text !== "goto") throw cursor.expected("'goto'");
    cursor.next();
    const target = parseTarget(cursor, 16);
    const off = displacementOr(target, 0);
    const insn =
      right.kind === "imm"
        ? slotOf(
            `${condition}${left.width}_k`,
            { dst: left.number, off, imm: right.value },
            start,
            "such jump",
          )
        : slotOf(
            `${condition}${left.width}_x`,
            { dst: left.number, src: right.register.number, off },
            start,
            "such jump",
          );
    return { insns: [insn], ...referenceOf(target, "off") };
  }

  #goto(word: "goto" | "gotol" | "may_goto"): Statement {
    const cursor = this.#cursor;
    const start = cursor.next();
    const field = word === "gotol" ? "imm" : "off";
    const target = parseTarget(cursor, word === "gotol" ? 32 : 16);
    const name = word === "goto" ? "ja" : word;
    const insn = slotOf(name, { [field]: displacementOr(target, 0) }, start, word);
    return { insns: [insn], ...referenceOf(target, field) };
  }

  /** `*(u32 *)(r1 + 4) = r2` and `= 5` */
  #store(): Insn {
    const cursor = this.#cursor;
    const start = cursor.next();
    const type = parseType(cursor);
    const memory = parseMemory(cursor);
    cursor.expect("=");
    const size = this.#unsignedSize(type);
    const value = operand(cursor);
    return value.kind === "imm"
      ? slotOf(`${this.#guard}st_${size}`, { ...memory, imm: value.value }, start, "such store")
      : slotOf(`${this.#guard}stx_${size}`, { ...memory, src: value.register.number }, start, "such store");
  }

  /** `lock *(u64 *)(r1 + 0) += r2` */
  #lock(): Insn {
    const cursor = this.#cursor;
    const start = cursor.next();
    cursor.expect("*");
    const size = this.#unsignedSize(parseType(cursor));
    const memory = parseMemory(cursor);
    const operator = cursor.peek();
    const word = ATOMIC_NAMES.get(takeOperator(cursor));
    if (word === undefined) {
      throw new StatementError(
        AsmCode.syntax,
        `expected '+=', '|=', '&=' or '^=', got '${operator.text}'`,
        operator,
      );
    }
    const src = parseRegister(cursor).number;
    return slotOf(
      `${this.#guard}atomic_${word}_${size}`,
      { ...memory, src },
      start,
      "atomic operation of this size",
    );
  }

  /** `store_release((u32 *)(r1 + 0), r2)` */
  #storeRelease(): Insn {
    const cursor = this.#cursor;
    const start = cursor.next();
    cursor.expect("(");
    const size = this.#unsignedSize(parseType(cursor));
    const memory = parseMemory(cursor);
    cursor.expect(",");
    const src = parseRegister(cursor).number;
    cursor.expect(")");
    return slotOf(`${this.#guard}store_release_${size}`, { ...memory, src }, start, "such store");
  }

  /** LLVM's `ld_pseudo r1, KIND, IMM64` */
  #ldPseudo(): readonly Insn[] {
    const cursor = this.#cursor;
    cursor.next();
    const dst = parseRegister(cursor).number;
    cursor.expect(",");
    const kind = cursor.integer("the kind of the load");
    const kinds = Object.values(WideKind);
    const known = kinds.find((value) => BigInt(value) === kind.value);
    if (known === undefined) {
      throw new StatementError(
        AsmCode.range,
        `expected a kind of 0 to ${kinds.length - 1}, got ${kind.value}`,
        kind.span,
      );
    }
    cursor.expect(",");
    const imm = cursor.integer();
    narrow(imm.value, imm.span, 64, "a number");
    return wideSlots(dst, known, imm.value);
  }

  #assignment(): Statement {
    const cursor = this.#cursor;
    const start = cursor.peek();
    const dst = parseRegister(cursor);
    const operator = cursor.peek();
    const name = ASSIGNMENTS.get(takeOperator(cursor));
    if (name === undefined) {
      throw new StatementError(AsmCode.syntax, `expected an assignment, got '${operator.text}'`, operator);
    }
    if (operator.text === "=") {
      return parseAssignedValue(cursor, { dst, start, guard: this.#guard });
    }
    const right = operand(cursor);
    checkWidths(dst, right);
    return one(
      right.kind === "imm"
        ? slotOf(`${name}${dst.width}_k`, { dst: dst.number, imm: right.value }, start, "such operation")
        : slotOf(
            `${name}${dst.width}_x`,
            { dst: dst.number, src: right.register.number },
            start,
            "such operation",
          ),
    );
  }

  #unsignedSize(type: TypeName): string {
    if (type.signed) {
      throw new StatementError(AsmCode.syntax, `expected an unsigned type, got 's${type.width}'`, type.span);
    }
    return SIZE_OF_WIDTH[type.width]!;
  }
}

function one(insn: Insn): Statement {
  return { insns: [insn] };
}

type Operand =
  | { readonly kind: "imm"; readonly value: number }
  | { readonly kind: "register"; readonly register: Register };

function operand(cursor: Cursor): Operand {
  const token = cursor.peek();
  if (token.kind === "word" && isRegister(token.text)) {
    return { kind: "register", register: parseRegister(cursor) };
  }
  return { kind: "imm", value: cursor.imm32("a register or a number") };
}

function checkWidths(left: Register, right: Operand): void {
  if (right.kind !== "register" || right.register.width === left.width) return;
  const expected = left.width === 64 ? "a 64-bit register (r)" : "a 32-bit register (w)";
  throw new StatementError(
    AsmCode.register,
    `expected ${expected}, got '${right.register.text}'`,
    right.register.span,
  );
}

/** An operator, the signed ones of which begin with the letter `s`. */
function takeOperator(cursor: Cursor): string {
  const first = cursor.next();
  if (first.text !== "s") return first.text;
  const rest = cursor.peek();
  if (rest.kind !== "symbol" || rest.start !== first.end) return first.text;
  return `s${cursor.next().text}`;
}
