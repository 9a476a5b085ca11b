import {
  type Insn,
  type InsnRow,
  Operation,
  ProgramBuilder,
  REGISTERS,
  type Register,
} from "../../isa/index.ts";
import { ax } from "../../platform/index.ts";

/**
 * What a division becomes so that it has RFC 9669's results on machines that trap: `x / 0` is 0, `x % 0` is x, and
 * dividing the smallest number by -1 wraps (`do_misc_fixups`). null where nothing has to be done.
 */
export function guardDivision(insn: Insn, row: InsnRow): Insn[] | null {
  const { operation } = row;
  const signed = operation === Operation.sdiv || operation === Operation.smod;
  const division = operation === Operation.div || operation === Operation.sdiv;
  if (!signed && operation !== Operation.div && operation !== Operation.mod) return null;
  const dst = REGISTERS[insn.dst];
  const src = REGISTERS[insn.src];
  if (dst === undefined || src === undefined) return null;
  const forms = formsOf(row.width === 64);
  const out = new ProgramBuilder();
  if (row.source === "imm") {
    if (!signed || insn.imm !== -1) return null;
    if (division) forms.neg(out, dst);
    else out.mov32(dst, 0);
    return out.insns();
  }
  if (!signed) {
    if (division) forms.branch(out, "jne", src, 0, 2).alu32("xor", dst, dst).ja(1).raw(insn);
    else keepLow(forms.branch(out, "jeq", src, 0, forms.wide ? 1 : 2).raw(insn), forms.wide, dst);
    return out.insns();
  }
  // src + 1 is above 1 (unsigned) unless src is 0 or -1; then it is 1 or 0.
  out.mov64(ax, src);
  forms.add(out, ax, 1);
  if (division) {
    forms.branch(out, "jgt", ax, 1, 4);
    forms.branch(out, "jeq", ax, 0, 1);
    forms.zero(out, dst);
    forms.neg(out, dst);
    out.ja(1).raw(insn);
  } else {
    forms.branch(out, "jgt", ax, 1, 3);
    forms.branch(out, "jeq", ax, 1, forms.wide ? 3 : 4);
    out.mov32(dst, 0).ja(1).raw(insn);
    keepLow(out, forms.wide, dst);
  }
  return out.insns();
}

/** A modulo by 0 of 32 bits leaves the low half, and clears the high one. */
function keepLow(out: ProgramBuilder, wide: boolean, dst: Register): void {
  if (!wide) out.ja(1).mov32(dst, dst);
}

function formsOf(wide: boolean) {
  return {
    wide,
    neg: (out: ProgramBuilder, dst: Register) => (wide ? out.neg64(dst) : out.neg32(dst)),
    add: (out: ProgramBuilder, dst: Register, imm: number) =>
      wide ? out.alu64("add", dst, imm) : out.alu32("add", dst, imm),
    zero: (out: ProgramBuilder, dst: Register) => (wide ? out.mov64(dst, 0) : out.mov32(dst, 0)),
    branch: (
      out: ProgramBuilder,
      condition: "jne" | "jeq" | "jgt",
      register: Register,
      imm: number,
      to: number,
    ) => (wide ? out.branch(condition, register, imm, to) : out.branch32(condition, register, imm, to)),
  };
}
