import { disassemble } from "../../../../src/asm/index.ts";
import {
  CallKind,
  decode,
  encode,
  type Insn,
  type InsnRow,
  isWide,
  lookup,
  ROWS,
  WideKind,
} from "../../../../src/isa/index.ts";
import type { CaseReference, VerifierCase } from "../../../verifier/support/verifier-case.ts";
import type { Random } from "../../random.ts";
import { insertedInto } from "./insert.ts";
import type { Change } from "./mutate.ts";

const NUMBERS = [
  0, 1, -1, 2, 3, 4, 7, 8, 12, 15, 16, 24, 31, 32, 33, 63, 64, 127, 255, 256, 511, 512, 4096, 0xffff,
  0x7fffffff, -0x80000000, -8, -16, -512,
] as const;
const NEAR = [1, -1, 2, -2, 4, -4, 8, -8] as const;
const HELPERS = 211;
const NOTHING: Insn = { opcode: 0x05, dst: 0, src: 0, off: 0, imm: 0 };
const REGISTERS = 11;

/** One instruction changed, left out, doubled, moved, or replaced by one of another case. */
export function codeChange(
  random: Random,
  test: VerifierCase,
  corpus: readonly VerifierCase[],
): Change | null {
  const insns = decode(test.insns);
  const slot = random.below(insns.length);
  const insn = insns[slot]!;
  const row = lookup(insn);
  // The second half of a wide load is changed with it, or not at all.
  if (row === undefined) return null;
  switch (random.below(15)) {
    case 0:
    case 1:
    case 2:
      return rewritten(slot, insn, otherRegister(random, insn, row));
    case 3:
    case 4:
      return rewritten(slot, insn, otherNumber(random, insn, row));
    case 5:
    case 6:
      return rewritten(slot, insn, otherOffset(random, insn, row));
    case 7:
      return rewritten(slot, insn, otherOperation(random, insn, row));
    case 8:
      return row.slots === 1 ? rewritten(slot, insn, NOTHING) : null;
    case 9:
      return referenceChange(random, test, corpus);
    case 10: {
      const lent = plainInsn(random, random.oneIn(2) ? test : random.pick(corpus));
      return lent === null || row.slots !== 1 ? null : rewritten(slot, insn, lent);
    }
    case 11:
      return inserted(slot, branchFrom(random, slot, insns.length));
    case 12:
      return swapped(slot, insns);
    case 13: {
      const run = plainRun(random, random.oneIn(2) ? test : random.pick(corpus));
      return run.length === 0 ? null : inserted(slot, ...run);
    }
    default: {
      const lent = plainInsn(random, random.oneIn(2) ? test : random.pick(corpus));
      return lent === null ? null : inserted(slot, lent);
    }
  }
}

function inserted(slot: number, ...insns: readonly Insn[]): Change {
  return {
    what: `before ${slot}: ${insns.map(text).join("; ")}`,
    apply: (before) => insns.reduceRight((test, insn) => insertedInto(test, slot, insn), before),
  };
}

/** A test of a register against a number, and a jump to a slot nearby: paths part, or meet, where they did not. */
function branchFrom(random: Random, slot: number, length: number): Insn {
  const row = random.pick(BRANCHES);
  const target = Math.max(0, Math.min(length, slot + 1 + random.between(-NEARBY, NEARBY)));
  const [dst, src] = [random.below(REGISTERS), random.below(REGISTERS)];
  const imm = row.source === "imm" ? random.pick(NUMBERS) : 0;
  return { opcode: row.opcode, dst, src: row.source === "reg" ? src : 0, off: target - slot, imm };
}

const BRANCHES = ROWS.filter(({ kind }) => kind === "branch");
const NEARBY = 12;
const LONGEST_RUN = 6;

/** Two instructions, neither of which leads anywhere or is named, in the other order. */
function swapped(slot: number, insns: readonly Insn[]): Change | null {
  const pair = [insns[slot], insns[slot + 1]].map((insn) => (insn === undefined ? undefined : lookup(insn)));
  if (pair.some((row) => row === undefined || row.slots !== 1 || leadsAway(row))) return null;
  return {
    what: `${slot}: in the other order: ${text(insns[slot]!)}; ${text(insns[slot + 1]!)}`,
    apply(test) {
      const now = decode(test.insns);
      if (slot + 1 >= now.length) return test;
      return { ...test, insns: encode(now.with(slot, now[slot + 1]!).with(slot + 1, now[slot]!)) };
    },
  };
}

function leadsAway(row: InsnRow): boolean {
  return row.off === "target" || row.imm === "target" || row.kind === "call" || row.kind === "exit";
}

/** Some instructions in a row that mean the same anywhere. */
function plainRun(random: Random, test: VerifierCase): Insn[] {
  const insns = decode(test.insns);
  const start = random.below(insns.length);
  const named = new Set(test.references.map((reference) => reference.slot));
  const run: Insn[] = [];
  for (let slot = start; slot < insns.length && run.length < LONGEST_RUN; slot++) {
    const row = lookup(insns[slot]!);
    if (row === undefined || row.slots !== 1 || named.has(slot)) break;
    if (leadsAway(row) && !(row.kind === "call" && insns[slot]!.src === CallKind.helper)) break;
    run.push(insns[slot]!);
  }
  return run;
}

function rewritten(slot: number, before: Insn, after: Insn | null): Change | null {
  if (after === null) return null;
  return {
    what: `${slot}: ${text(before)} → ${text(after)}`,
    apply(test) {
      const insns = decode(test.insns);
      return slot >= insns.length ? test : { ...test, insns: encode(insns.with(slot, after)) };
    },
  };
}

function text(insn: Insn): string {
  const line = disassemble(isWide(insn) ? [insn, { ...NOTHING, opcode: 0 }] : [insn]).split("\n")[0];
  return line ?? "";
}

function otherRegister(random: Random, insn: Insn, row: InsnRow): Insn | null {
  const places = (["dst", "src"] as const).filter((place) => row[place] === "register");
  if (places.length === 0) return null;
  return { ...insn, [random.pick(places)]: random.below(REGISTERS) };
}

function otherNumber(random: Random, insn: Insn, row: InsnRow): Insn | null {
  if (row.imm === "id" && insn.src === CallKind.helper) return { ...insn, imm: 1 + random.below(HELPERS) };
  // Of wide loads only plain numbers: the others name what each kernel has by its own number.
  if (row.imm !== "value" || (isWide(insn) && insn.src !== WideKind.imm)) return null;
  const imm = random.oneIn(2) ? random.pick(NUMBERS) : (insn.imm + random.pick(NEAR)) | 0;
  return { ...insn, imm };
}

function otherOffset(random: Random, insn: Insn, row: InsnRow): Insn | null {
  if (row.off === "memory") return { ...insn, off: short(insn.off + random.pick(NEAR)) };
  if (row.off === "target") return { ...insn, off: short(insn.off + random.pick(NEAR)) };
  if (row.imm === "target") return { ...insn, imm: (insn.imm + random.pick(NEAR)) | 0 };
  return null;
}

function short(value: number): number {
  return (value << 16) >> 16;
}

/** Another instruction of the same kind: another size, width, comparison, or second operand. */
function otherOperation(random: Random, insn: Insn, row: InsnRow): Insn | null {
  const rows = ROWS.filter(
    ({ kind, group, id }) => kind === row.kind && group !== "internal" && id !== row.id,
  );
  if (rows.length === 0 || row.slots !== 1) return null;
  const other = random.pick(rows);
  const register = (rule: InsnRow["dst"], now: number) => (rule === "register" ? now : rule);
  return {
    opcode: other.opcode,
    dst: register(other.dst, insn.dst),
    src: register(other.src, row.src === "register" ? insn.src : random.below(REGISTERS)),
    off: typeof other.off === "number" ? other.off : insn.off,
    imm: typeof other.imm === "number" ? other.imm : other.source === "reg" ? 0 : insn.imm,
  };
}

/** Another map, kfunc or type where the code names one. */
function referenceChange(random: Random, test: VerifierCase, corpus: readonly VerifierCase[]): Change | null {
  if (test.references.length === 0) return null;
  const at = random.below(test.references.length);
  const reference = test.references[at]!;
  const other = otherReference(random, reference, test, corpus);
  if (other === null) return null;
  return {
    what: `${reference.slot}: ${JSON.stringify(reference)} → ${JSON.stringify(other)}`,
    apply: (before) => ({
      ...before,
      references: before.references.map((each) => (each.slot === other.slot ? other : each)),
    }),
  };
}

function otherReference(
  random: Random,
  reference: CaseReference,
  test: VerifierCase,
  corpus: readonly VerifierCase[],
): CaseReference | null {
  if (reference.kind === "map") return { ...reference, map: random.below(test.maps.length) };
  const lent = random.pick(random.pick(corpus).references);
  if (lent === undefined || lent.kind !== reference.kind) return null;
  return { ...lent, slot: reference.slot };
}

/** An instruction that means the same anywhere: no call of a function, no jump, no name. */
function plainInsn(random: Random, { insns, references }: VerifierCase): Insn | null {
  const slot = random.below(insns.length / 8);
  const insn = decode(insns)[slot]!;
  const row = lookup(insn);
  if (row === undefined || row.slots !== 1 || row.imm === "target") return null;
  if (references.some((reference) => reference.slot === slot)) return null;
  return insn;
}
