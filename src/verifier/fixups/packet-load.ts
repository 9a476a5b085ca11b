import { type Insn, type InsnRow, ProgramBuilder, REGISTERS, r0, r1, r2, r6 } from "../../isa/index.ts";
import { InternalHelper } from "../../platform/index.ts";

/** The internal function that loads so many bytes of a packet. */
export function packetLoader(size: number): number {
  return size === 1
    ? InternalHelper.skbLoad8
    : size === 2
      ? InternalHelper.skbLoad16
      : InternalHelper.skbLoad32;
}

/**
 * What LD_ABS and LD_IND become (`bpf_gen_ld_abs`): a call that loads from the packet of the context in r6. Where
 * there is no such byte, the function returns 0.
 *
 * @param call the `imm` of the call.
 */
export function expandPacketLoad(insn: Insn, row: InsnRow, call: number): Insn[] {
  const out = new ProgramBuilder();
  if (row.source === "reg") {
    out.mov64(r2, REGISTERS[insn.src]!);
    if (insn.imm !== 0) out.alu64("add", r2, insn.imm);
  } else {
    out.mov64(r2, insn.imm);
  }
  out.mov64(r1, r6).call(call).branch("jsge", r0, 0, 2).alu32("xor", r0, r0).exit();
  return out.insns();
}
