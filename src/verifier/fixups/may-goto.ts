import { fp, type Insn, insnOf, ProgramBuilder, rowNamed } from "../../isa/index.ts";
import { ax } from "../../platform/index.ts";
import type { Patch } from "./patch.ts";

/** `BPF_MAX_TIMED_LOOPS`: rounds between two looks at the clock. */
const ROUNDS = 0xffff;
/** Bytes of stack: the rounds left, and the time of the first look. */
export const MAY_GOTO_STACK = 16;

/**
 * What may_goto becomes on Linux 6.18, x86-64: it counts rounds in the stack, and asks the clock when they are used
 * up.
 *
 * @param depth bytes of stack that the function uses itself.
 * @param call the `imm` of a call of `arch_bpf_timed_may_goto`.
 */
export function expandMayGoto(slot: number, insn: Insn, depth: number, call: number): Patch {
  const count = -depth - MAY_GOTO_STACK;
  const body = new ProgramBuilder()
    .ldx("dw", ax, fp, count)
    .branch("jeq", ax, 0, 0)
    .alu64("sub", ax, 1)
    .branch("jne", ax, 0, 2)
    // The register is argument and result of the call, which saves all others.
    .mov64(ax, count)
    .call(call)
    .stx("dw", fp, ax, count)
    .insns();
  return { body, exits: [{ index: 1, target: slot + 1 + insn.off }] };
}

/** What a function with may_goto begins with. */
export function mayGotoPrologue(depth: number): Insn[] {
  const store = rowNamed("st_dw");
  return [
    insnOf(store, fp.number, 0, -depth - MAY_GOTO_STACK, ROUNDS),
    insnOf(store, fp.number, 0, -depth - MAY_GOTO_STACK + 8, 0),
  ];
}
