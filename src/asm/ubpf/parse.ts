import type { Span } from "../../base/index.ts";
import { findRow, type Insn, type InsnRow, insnOf, WideKind, wideSlots } from "../../isa/index.ts";
import { AsmCode, type Cursor, narrow, StatementError, signed } from "../cursor.ts";
import { slotOf } from "../encode-row.ts";
import { type GuardPrefix, parseGuarded } from "../guard.ts";
import { parseRaw } from "../raw.ts";
import type { AssemblerNames, Dialect, Statement } from "../statement.ts";
import { displacementOr, parseTarget, referenceOf } from "../target.ts";
import { canonicalWord, type Forms, WORDS } from "./mnemonic.ts";

/** The form of the sources of uBPF and of the bpf_conformance suite. */
export const ubpf: Dialect = {
  parse(cursor, names) {
    return parseGuarded(cursor, (guard) => parseStatement(cursor, names, guard));
  },
  exitLabel: "exit",
};

function parseStatement(cursor: Cursor, names: AssemblerNames, guard: GuardPrefix): Statement {
  const word = cursor.peek();
  if (word.kind !== "word") throw cursor.expected("an instruction");
  if (word.text === ".insn") return { insns: parseRaw(cursor) };
  cursor.next();
  switch (word.text) {
    case "call":
      return parseCall(cursor, names, word);
    case "callx":
      return one(insnOf(findRow("callx")!, register(cursor), 0, 0, 0));
    case "callx_imm":
      return one(insnOf(findRow("callx_imm")!, 0, 0, 0, register(cursor)));
    case "lddw":
      return parseWide(cursor);
    case "ld_pseudo":
      return parsePseudo(cursor);
    case "lock":
      return parseLock(cursor, guard);
  }
  const forms = WORDS.plain.get(canonicalWord(word.text));
  if (forms === undefined) {
    cursor.position = word.start;
    throw new StatementError(AsmCode.instruction, `there is no instruction '${word.text}'`, word);
  }
  return parseOperands(cursor, forms, guard, word);
}

function parseOperands(cursor: Cursor, forms: Forms, guard: GuardPrefix, word: Span): Statement {
  const row = (forms.reg ?? forms.imm ?? forms.none)!;
  switch (row.kind) {
    case "alu":
    case "branch": {
      const dst = register(cursor);
      cursor.expect(",");
      const [chosen, src, imm] = operand(cursor, forms);
      if (row.kind === "alu") return one(insnOf(chosen, dst, src, 0, imm));
      cursor.expect(",");
      const target = parseTarget(cursor, 16);
      return {
        insns: [insnOf(chosen, dst, src, displacementOr(target, 0), imm)],
        ...referenceOf(target, "off"),
      };
    }
    case "goto":
    case "mayGoto": {
      const field = row.imm === "target" ? "imm" : "off";
      const target = parseTarget(cursor, field === "imm" ? 32 : 16);
      const displacement = displacementOr(target, 0);
      return {
        insns: [insnOf(row, 0, 0, field === "off" ? displacement : 0, field === "imm" ? displacement : 0)],
        ...referenceOf(target, field),
      };
    }
    case "neg":
    case "end":
      return one(insnOf(row, register(cursor), 0, 0, 0));
    case "load":
    case "loadAcquire": {
      const dst = register(cursor);
      cursor.expect(",");
      const { base, off } = memory(cursor);
      return one(insnOf(guarded(row, guard, word), dst, base, off, 0));
    }
    case "store":
    case "storeRelease": {
      const { base, off } = memory(cursor);
      cursor.expect(",");
      const [chosen, src, imm] = operand(cursor, forms);
      return one(insnOf(guarded(chosen, guard, word), base, src, off, imm));
    }
    case "packet": {
      let src = 0;
      if (row.source === "reg") {
        src = register(cursor);
        cursor.expect(",");
      }
      return one(insnOf(row, 0, src, 0, cursor.imm32()));
    }
    case "cast": {
      const dst = register(cursor);
      cursor.expect(",");
      const src = register(cursor);
      let imm = 0;
      if (row.imm === "value") {
        cursor.expect(",");
        const high = uint16(cursor);
        cursor.expect(",");
        imm = (high << 16) | uint16(cursor);
      }
      return one(insnOf(row, dst, src, 0, imm));
    }
    default:
      return one(insnOf(row, 0, 0, 0, 0));
  }
}

/** `call 5`, `call helper 5`, `call local LABEL`, `call runtime ID[, BTF INDEX]`, `call %r2` */
function parseCall(cursor: Cursor, names: AssemblerNames, span: Span): Statement {
  const token = cursor.peek();
  if (isRegister(cursor)) return one(slotOf("callx", { dst: register(cursor) }, span, "such call"));
  if (token.text === "local") {
    cursor.next();
    const target = parseTarget(cursor, 32);
    const insn = slotOf("call_local", { imm: displacementOr(target, 0) }, span, "such call");
    return { insns: [insn], ...referenceOf(target, "imm") };
  }
  if (token.text === "runtime") {
    cursor.next();
    const imm = immediate(cursor);
    const off = cursor.accept(",") ? cursor.off16("an index of a BTF") : 0;
    return one(slotOf("call_kfunc", { imm, off }, span, "such call"));
  }
  if (token.text === "helper") {
    cursor.next();
    if (isRegister(cursor)) return one(slotOf("callx", { dst: register(cursor) }, span, "such call"));
  }
  const name = cursor.peek();
  if (name.kind !== "word") return one(slotOf("call_helper", { imm: immediate(cursor) }, span, "such call"));
  cursor.next();
  const id = names.helperId?.(name.text);
  if (id === undefined) throw new StatementError(AsmCode.helper, `there is no helper '${name.text}'`, name);
  return one(slotOf("call_helper", { imm: id }, span, "such call"));
}

function parseWide(cursor: Cursor): Statement {
  const dst = register(cursor);
  cursor.expect(",");
  const { value, span } = cursor.integer();
  narrow(value, span, 64, "a number");
  return { insns: wideSlots(dst, WideKind.imm, value) };
}

function parsePseudo(cursor: Cursor): Statement {
  const dst = register(cursor);
  cursor.expect(",");
  const kind = cursor.integer("the kind of the load");
  const known = Object.values(WideKind).find((value) => BigInt(value) === kind.value);
  if (known === undefined) {
    throw new StatementError(AsmCode.range, `expected a kind of 0 to 6, got ${kind.value}`, kind.span);
  }
  cursor.expect(",");
  const { value, span } = cursor.integer();
  narrow(value, span, 64, "a number");
  return { insns: wideSlots(dst, known, value) };
}

/** `lock add [%r10-8], %r1`, `lock fetch add32 …`, `lock xchg …`, `lock cmpxchg32 …` */
function parseLock(cursor: Cursor, guard: GuardPrefix): Statement {
  const fetch = cursor.accept("fetch");
  const word = cursor.peek();
  const text = canonicalWord(word.text);
  const row = fetch ? (WORDS.fetch.get(text) ?? WORDS.lock.get(text)) : WORDS.lock.get(text);
  if (row === undefined || (fetch && !row.fetch)) throw cursor.expected("an atomic operation");
  cursor.next();
  const { base, off } = memory(cursor);
  cursor.expect(",");
  return one(insnOf(guarded(row, guard, word), base, register(cursor), off, 0));
}

function guarded(row: InsnRow, guard: GuardPrefix, span: Span): InsnRow {
  if (guard === "") return row;
  const found = findRow(`${guard}${row.name}`);
  if (found === undefined) {
    throw new StatementError(
      AsmCode.instruction,
      `there is no such instruction with '${guard.slice(0, -1)}'`,
      span,
    );
  }
  return found;
}

function operand(cursor: Cursor, forms: Forms): [InsnRow, number, number] {
  if (forms.reg !== undefined && (forms.imm === undefined || isRegister(cursor))) {
    return [forms.reg, register(cursor), 0];
  }
  return [(forms.imm ?? forms.none)!, 0, immediate(cursor)];
}

/** 32 bits; also 64 of them where the upper half only repeats the sign, as a C assembler that truncates allows. */
function immediate(cursor: Cursor): number {
  const { value, span } = cursor.integer("a register or a number");
  const wide = value >= 1n << 32n && value < 1n << 64n ? BigInt.asIntN(64, value) : value;
  return narrow(wide, span, 32, "an immediate");
}

function uint16(cursor: Cursor): number {
  const { value, span } = cursor.integer("an address space");
  if (value < 0n || value > 0xffffn) {
    throw new StatementError(AsmCode.range, `expected an address space of 16 bits, got ${value}`, span);
  }
  return Number(value);
}

const REGISTER = /^r(1[0-5]|[0-9])$/;

function isRegister(cursor: Cursor): boolean {
  return cursor.peek().text === "%" || REGISTER.test(cursor.peek().text);
}

/** `%r0` to `%r10`; the percent sign may be missing. Up to 15 as the encoding has room: a check rejects those. */
function register(cursor: Cursor): number {
  const start = cursor.peek();
  cursor.accept("%");
  const token = cursor.peek();
  const match = REGISTER.exec(token.text);
  if (match === null) {
    if (/^r[0-9]+$/.test(token.text)) {
      const span = { start: start.start, end: token.end };
      throw new StatementError(
        AsmCode.register,
        `expected a register up to %r10, got '%${token.text}'`,
        span,
      );
    }
    throw cursor.expected("a register");
  }
  cursor.next();
  return Number(match[1]);
}

/** `[%r1+8]` */
function memory(cursor: Cursor): { readonly base: number; readonly off: number } {
  cursor.expect("[");
  const base = register(cursor);
  const sign = cursor.peek();
  let off = 0;
  if (sign.text === "+" || sign.text === "-") {
    const { value, span } = cursor.integer("an offset");
    off = signed(value, span, 16, "an offset");
  }
  cursor.expect("]");
  return { base, off };
}

function one(insn: Insn): Statement {
  return { insns: [insn] };
}
