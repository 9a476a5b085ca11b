import { CallKind, Class, classOf, type Insn, isWide, JmpCode, Source, WideKind } from "../../isa/index.ts";

/**
 * Where an instruction leads, told from its opcode alone: these questions are asked of programs whose instructions
 * were not checked yet, so that the table may have no row for them.
 */
export const FlowKind = {
  /** To the next instruction. */
  NEXT: 0,
  /** `ja`, `gotol` */
  JUMP: 1,
  CALL: 2,
  EXIT: 3,
  /** To the next instruction or a target; also may_goto, and jumps that no kernel knows. */
  BRANCH: 4,
} as const;
export type FlowKind = (typeof FlowKind)[keyof typeof FlowKind];

const OPERATION_MASK = 0xf0;

const KINDS: readonly FlowKind[] = Array.from({ length: 256 }, (_, opcode) => kindOf(opcode));

function kindOf(opcode: number): FlowKind {
  const cls = classOf(opcode);
  if (cls !== Class.jmp && cls !== Class.jmp32) return FlowKind.NEXT;
  switch (opcode & OPERATION_MASK) {
    case JmpCode.ja:
      return FlowKind.JUMP;
    case JmpCode.call:
      return FlowKind.CALL;
    case JmpCode.exit:
      return FlowKind.EXIT;
    default:
      return FlowKind.BRANCH;
  }
}

export function flowKind(insn: Insn): FlowKind {
  return KINDS[insn.opcode]!;
}

const CALL = Class.jmp | JmpCode.call;
const MAY_GOTO = Class.jmp | JmpCode.jcond;
const LONG_JUMP = Class.jmp32 | JmpCode.ja;

/** `BPF_JMP | BPF_CALL`, whatever is called. */
export function isCall(insn: Insn): boolean {
  return insn.opcode === CALL;
}

/** `bpf_helper_call` */
export function isHelperCall(insn: Insn): boolean {
  return insn.opcode === CALL && insn.src === CallKind.helper;
}

/** `bpf_pseudo_call` */
export function isPseudoCall(insn: Insn): boolean {
  return insn.opcode === CALL && insn.src === CallKind.local;
}

/** `bpf_pseudo_kfunc_call` */
export function isKfuncCall(insn: Insn): boolean {
  return insn.opcode === CALL && insn.src === CallKind.kfunc;
}

/** `bpf_pseudo_func` */
export function isPseudoFunc(insn: Insn): boolean {
  return isWide(insn) && insn.src === WideKind.func;
}

/** `is_may_goto_insn` */
export function isMayGoto(insn: Insn): boolean {
  return insn.opcode === MAY_GOTO && insn.src === 0;
}

/** A jump through a register: `BPF_JA | BPF_X`. */
export function isIndirectJump(insn: Insn): boolean {
  return KINDS[insn.opcode] === FlowKind.JUMP && (insn.opcode & Source.x) !== 0;
}

/** Slots from the next instruction to the target of a jump (`bpf_jmp_offset`). */
export function jmpOffset(insn: Insn): number {
  return insn.opcode === LONG_JUMP ? insn.imm : insn.off;
}
