import { high32, low32, u64 } from "../base/index.ts";
import type { Insn } from "./insn.ts";
import { rowNamed } from "./lookup.ts";
import type { WideKind } from "./opcode.ts";

const OPCODE = rowNamed("ld_imm64_imm").opcode;

/** Whether the slot begins a load of a 64-bit immediate, of whatever kind. */
export function isWide(insn: Insn): boolean {
  return insn.opcode === OPCODE;
}

/** The number of slots of an instruction: 2 for a wide load, also one of an unknown kind, else 1. */
export function slotsOf(insn: Insn): 1 | 2 {
  return isWide(insn) ? 2 : 1;
}

/** The unsigned 64-bit immediate of the wide load at `slot`; the missing half of a truncated one reads as 0. */
export function wideImm(insns: readonly Insn[], slot: number): bigint {
  return u64(insns[slot]!.imm, insns[slot + 1]?.imm ?? 0);
}

/** The two slots of a wide load. */
export function wideSlots(dst: number, kind: WideKind, imm: bigint): [Insn, Insn] {
  return [
    { opcode: OPCODE, dst, src: kind, off: 0, imm: low32(imm) },
    { opcode: 0, dst: 0, src: 0, off: 0, imm: high32(imm) },
  ];
}
