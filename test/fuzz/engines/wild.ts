import {
  checkForm,
  displacementOf,
  type Insn,
  insnOf,
  isWide,
  lookup,
  ROWS,
} from "../../../src/isa/index.ts";
import type { Random } from "../random.ts";
import type { FuzzCode, FuzzProgram } from "./program.ts";

/** Instructions that a program may be given: no verifier looks at it, but it has to be well-formed. */
const OPEN = ROWS.filter(
  ({ kind, group }) =>
    group !== "internal" && !["wide", "call", "packet", "cast", "nospec", "exit"].includes(kind),
);
const OFFSETS = [0, 0, 1, 4, 8, -8, -4, -16, 16, 56, 64, -512, -520, 512, 0x7fff, -0x8000] as const;
const MOST = 6;
const GROUPS = new Set([
  "base32",
  "base64",
  "atomic32",
  "atomic64",
  "divmul32",
  "divmul64",
  "linux",
] as const);

/**
 * The program with a few instructions changed, such as no verifier would let pass: pointers that lead anywhere, loops that
 * do not end, cycles with several entries. Only engines that test every access may run it.
 */
export function madeWild(random: Random, program: FuzzProgram): FuzzProgram {
  const wild = ({ insns, catcher }: FuzzCode): FuzzCode => ({ insns: changed(random, insns), catcher });
  return { ...program, main: wild(program.main), tails: program.tails.map(wild) };
}

function changed(random: Random, insns: readonly Insn[]): Insn[] {
  let result = [...insns];
  for (let count = 1 + random.below(MOST); count > 0; count--) {
    const candidate = [...result];
    changeOne(random, candidate);
    // What is not well-formed is for other tests.
    if (checkForm(candidate, { groups: GROUPS, limit: 1 }).length === 0) result = candidate;
  }
  return result;
}

function changeOne(random: Random, insns: Insn[]): void {
  const slot = 2 + random.below(insns.length - 2);
  const insn = insns[slot]!;
  if (isWide(insn) || isWide(insns[slot - 1]!)) return;
  const row = lookup(insn);
  if (row === undefined || row.kind === "exit" || row.kind === "call") return;
  const displacement = displacementOf(insn, row);
  const target = random.below(insns.length) - slot - 1;
  if (displacement !== undefined && random.oneIn(2)) {
    insns[slot] = row.off === "target" ? { ...insn, off: target } : { ...insn, imm: target };
    return;
  }
  switch (random.below(4)) {
    case 0:
      insns[slot] = { ...insn, ...(row.dst === "register" ? { dst: random.below(11) } : {}) };
      return;
    case 1:
      insns[slot] = { ...insn, ...(row.src === "register" ? { src: random.below(11) } : {}) };
      return;
    case 2:
      if (row.off === "memory") insns[slot] = { ...insn, off: random.pick(OFFSETS) };
      return;
    default: {
      const other = random.pick(OPEN);
      const off = other.off === "target" ? target : random.pick(OFFSETS);
      const imm = other.imm === "target" ? target : random.interesting() | 0;
      insns[slot] = insnOf(other, random.below(11), random.below(11), off, imm);
    }
  }
}
