import { type Insn, ProgramBuilder, REGISTERS } from "../../isa/index.ts";
import { ax } from "../../platform/index.ts";
import { ALU_SANITIZE, AluState, type InsnAux } from "../environment/insn-aux.ts";

/** The other of addition and subtraction of 64 bits: their codes are 0 and 1. */
const OTHER = 0x10;

/**
 * Arithmetic on a pointer that cannot lead out of its object even where the CPU guesses wrongly: the offset becomes 0
 * where it is beyond the limit. null where the verifier asks for none.
 */
export function sanitizedArithmetic(insn: Insn, aux: InsnAux): Insn[] | null {
  const { aluState, aluLimit } = aux;
  if (aluState === 0 || aluState === AluState.NON_POINTER) return null;
  const negative = (aluState & AluState.NEG_VALUE) !== 0;
  const offsetInSource = (aluState & ALU_SANITIZE) === AluState.SANITIZE_SRC;
  const immediate = (aluState & AluState.IMMEDIATE) !== 0;
  const offset = REGISTERS[offsetInSource ? insn.src : insn.dst]!;
  const out = new ProgramBuilder();
  if (immediate) out.mov32(ax, aluLimit);
  else {
    if (negative) out.alu64("mul", offset, -1);
    out.mov32(ax, aluLimit).alu64("sub", ax, offset).alu64("or", ax, offset).neg64(ax);
    out.alu64("arsh", ax, 63).alu64("and", ax, offset);
  }
  if (!offsetInSource) out.mov64(REGISTERS[insn.dst]!, REGISTERS[insn.src]!);
  out.raw({ ...insn, src: ax.number, opcode: negative ? insn.opcode ^ OTHER : insn.opcode });
  if (offsetInSource && negative && !immediate) out.alu64("mul", offset, -1);
  return out.insns();
}
