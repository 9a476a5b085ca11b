import { type Insn, ProgramBuilder, r0, r1, r2, r6 } from "../../isa/index.ts";
import type { KernelLayout } from "../../platform/index.ts";

/**
 * What a program that writes to its packet begins with: a packet that is shared is copied first
 * (`bpf_unclone_prologue`). r6 is free there: programs begin with nothing but r1.
 *
 * @param verdict what the program returns where there is no memory for the copy.
 * @param pullData the `imm` of a call of bpf_skb_pull_data.
 */
export function unclonePrologue(layout: KernelLayout, verdict: number, pullData: number): Insn[] {
  const { offset, mask } = layout.field("sk_buff.cloned");
  return new ProgramBuilder()
    .ldx("b", r6, r1, offset)
    .alu32("and", r6, mask)
    .branch("jeq", r6, 0, 7)
    .mov64(r6, r1)
    .alu64("xor", r2, r2)
    .call(pullData)
    .branch("jeq", r0, 0, 2)
    .mov32(r0, verdict)
    .exit()
    .mov64(r1, r6)
    .insns();
}
