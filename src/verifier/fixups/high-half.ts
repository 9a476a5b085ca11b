import {
  type Insn,
  type InsnRow,
  isWide,
  lookup,
  Operation,
  ProgramBuilder,
  REGISTERS,
} from "../../isa/index.ts";
import { ax } from "../../platform/index.ts";
import { insnDefRegno, isReg64 } from "../registers/zext.ts";
import { RegType } from "../state/reg-type.ts";
import type { Patch } from "./patch.ts";
import type { Stage } from "./stage.ts";

/**
 * What becomes of the upper halves of registers (`opt_subreg_zext_lo32_rnd_hi32`). On x86-64 32-bit operations clear
 * them, a compare-and-exchange apart, which does so here; with BPF_F_TEST_RND_HI32 those that nobody may read are
 * filled with noise.
 *
 * @param noise 32 random bits, signed; null without the flag
 */
export function settleHighHalves(stage: Stage, noise: (() => number) | null): void {
  const patches: (Patch | undefined)[] = [];
  for (let slot = 0; slot < stage.insns.length; slot++) {
    const insn = stage.insns[slot]!;
    const body = settled(insn, stage, slot, noise);
    if (body !== null) patches[slot] = { body };
    if (isWide(insn)) slot++;
  }
  stage.apply(patches);
}

/** Loads that extend the sign define 64 bits; Linux does not see that in those that may fault. */
function definesAll(row: InsnRow | undefined): boolean {
  const unseen = row?.kind === "load" && row.guard !== "none" && row.extend !== 0;
  return !unseen && isReg64(row, RegType.NOT_INIT, false);
}

/** `BPF_ZEXT_REG`: a move of 32 bits to itself that its immediate marks for the JIT. */
function zeroExtension(register: number): Insn {
  const itself = REGISTERS[register]!;
  const [move] = new ProgramBuilder().mov32(itself, itself).insns();
  return { ...move!, imm: 1 };
}

function settled(insn: Insn, stage: Stage, slot: number, noise: (() => number) | null): Insn[] | null {
  const row = lookup(insn);
  const aux = stage.aux[slot]!;
  const register = insnDefRegno(insn, row);
  if (aux.zextDst) {
    if (row?.operation !== Operation.cmpxchg) return null;
    return [insn, zeroExtension(register)];
  }
  if (noise === null || register === -1 || definesAll(row)) return null;
  // A load from the context may have become a wider one.
  if (row?.kind === "load" && aux.ptrType === RegType.PTR_TO_CTX) return null;
  const target = REGISTERS[register] ?? ax;
  return new ProgramBuilder()
    .raw(insn)
    .mov64(ax, noise())
    .alu64("lsh", ax, 32)
    .alu64("or", target, ax)
    .insns();
}
