import { decode, encode, type Insn, type InsnRow, ROWS } from "../../src/isa/index.ts";
import { changeBytes } from "./bytes-mutator.ts";
import type { Random } from "./random.ts";

const LONGEST = 4096;
const ROWS_IN_USE: readonly InsnRow[] = ROWS.filter((row) => row.group !== "internal");
const WIDEST_JUMP = 12;

/** A program of random instructions, or a corpus entry changed slot by slot or byte by byte. */
export function mutateInsns(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  if (random.oneIn(4)) return encode(randomProgram(random, 1 + random.small(200)));
  const source = random.pick(corpus);
  if (random.oneIn(4)) return changeBytes(random, source, corpus);
  return encode(changedSlots(random, slotsIn(source), corpus));
}

function changedSlots(random: Random, insns: Insn[], corpus: readonly Uint8Array[]): Insn[] {
  for (let count = 1 + random.small(10); count > 0; count--) {
    const at = random.below(insns.length + 1);
    const insn = insns[at];
    switch (random.below(8)) {
      case 0:
        insns.splice(at, 1, ...randomInsn(random, at, insns.length));
        break;
      case 1:
        insns.splice(at, 0, ...randomInsn(random, at, insns.length));
        break;
      case 2:
        insns.splice(at, 1 + random.small(4));
        break;
      case 3:
        insns.splice(at, 0, ...insns.slice(at, at + 1 + random.small(16)));
        break;
      case 4: {
        const other = slotsIn(random.pick(corpus));
        const from = random.below(other.length);
        insns.splice(at, random.below(3), ...other.slice(from, from + 1 + random.small(16)));
        break;
      }
      case 5:
        if (insn !== undefined) insns[at] = { ...insn, off: displacement(random, at, insns.length) };
        break;
      case 6:
        if (insn !== undefined) insns[at] = { ...insn, imm: random.interesting() | 0 };
        break;
      default:
        if (insn !== undefined) insns[at] = { ...insn, dst: random.below(16), src: random.below(16) };
    }
  }
  return insns.slice(0, LONGEST);
}

/** Slots of bytes, what is too much for whole slots left out. */
function slotsIn(bytes: Uint8Array): Insn[] {
  const whole = new Uint8Array(bytes.length - (bytes.length % 8) + 8);
  whole.set(bytes.subarray(0, bytes.length - (bytes.length % 8)));
  return decode(whole).slice(0, -1);
}

function randomProgram(random: Random, count: number): Insn[] {
  const insns: Insn[] = [];
  while (insns.length < count) insns.push(...randomInsn(random, insns.length, count));
  insns.push({ opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
  return insns;
}

/** An instruction of a random row of the table, at a slot of a program that is `length` long. */
function randomInsn(random: Random, slot: number, length: number): Insn[] {
  const row = random.pick(random.oneIn(50) ? ROWS : ROWS_IN_USE);
  const wrong = (right: number): number => (random.oneIn(60) ? random.below(16) : right);
  const target = displacement(random, slot, length);
  const first: Insn = {
    opcode: row.opcode,
    dst: wrong(row.dst === "register" ? random.below(11) : row.dst),
    src: wrong(row.src === "register" ? random.below(11) : row.src),
    off: typeof row.off === "number" ? wrong(row.off) : row.off === "target" ? target : offset(random),
    imm:
      row.imm === "register"
        ? random.between(1, 10)
        : row.imm === "target"
          ? target
          : typeof row.imm === "number"
            ? wrong(row.imm)
            : random.interesting() | 0,
  };
  if (row.slots === 1) return [first];
  return [first, { opcode: wrong(0), dst: 0, src: 0, off: 0, imm: random.interesting() | 0 }];
}

/** Mostly to a slot nearby that exists. */
function displacement(random: Random, slot: number, length: number): number {
  if (random.oneIn(20)) return (random.interesting() << 16) >> 16;
  const target = Math.max(0, Math.min(length, slot + 1 + random.between(-WIDEST_JUMP, WIDEST_JUMP)));
  return target - slot - 1;
}

function offset(random: Random): number {
  return random.oneIn(4) ? (random.interesting() << 16) >> 16 : -8 * random.below(66);
}
