import { type Insn, type InsnRow, Operation, ROWS } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import { RegType } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";

/** Bits of {@link WIDTHS}. */
const Wide = {
  /** The destination is written with all 64 bits. */
  DST: 1,
  /** A source is read with all 64 bits. */
  SRC: 2,
  /** A source that is a pointer is. */
  POINTER: 4,
} as const;

/** What {@link isReg64} answers, by the row's id. */
const WIDTHS: Uint8Array = Uint8Array.from(ROWS, widthsOf);

function widthsOf(row: InsnRow): number {
  switch (row.kind) {
    case "call":
      return row.operation === Operation.callLocal ? 0 : Wide.SRC;
    case "alu":
    case "neg":
    case "branch":
    case "goto":
      return row.width === 32 ? 0 : Wide.DST | Wide.SRC;
    case "end":
      return row.width === 64 ? Wide.DST | Wide.SRC : 0;
    case "load":
      return row.size === 8 || row.extend !== 0 ? Wide.DST | Wide.SRC : Wide.SRC;
    case "store":
      if (row.source === "imm") return Wide.DST | Wide.SRC;
      return row.size === 8 ? Wide.DST | Wide.SRC : Wide.POINTER;
    case "atomic":
    case "loadAcquire":
    case "storeRelease":
      return row.size === 8 ? Wide.DST | Wide.SRC : Wide.POINTER;
    case "packet":
      return Wide.SRC;
    default:
      return Wide.DST | Wide.SRC;
  }
}

/** Whether `row` works on all 64 bits of a register, as a source or else as the destination (`is_reg64`). */
export function isReg64(row: InsnRow | undefined, type: number, source: boolean): boolean {
  if (row === undefined) return true;
  const widths = WIDTHS[row.id]!;
  if (!source) return (widths & Wide.DST) !== 0;
  if ((widths & Wide.SRC) !== 0) return true;
  return (widths & Wide.POINTER) !== 0 && type !== RegType.SCALAR_VALUE;
}

/** The register that an instruction defines; -1 for none (`insn_def_regno`). */
export function insnDefRegno(insn: Insn, row: InsnRow | undefined): number {
  switch (row?.kind) {
    case undefined:
    case "branch":
    case "goto":
    case "mayGoto":
    case "call":
    case "exit":
    case "store":
    case "storeRelease":
    case "nospec":
      return -1;
    case "atomic":
      if (row.operation === Operation.cmpxchg) return 0;
      return row.fetch ? insn.src : -1;
    default:
      return insn.dst;
  }
}

/** Whether an instruction defines a register's low half alone (`insn_has_def32`). */
export function insnHasDef32(insn: Insn, row: InsnRow | undefined): boolean {
  return insnDefRegno(insn, row) !== -1 && !isReg64(row, RegType.NOT_INIT, false);
}

/** The register is read whole: who defined its low half must clear the upper (`mark_insn_zext`). */
export function markInsnZext(env: Environment, reg: Register): void {
  if (reg.subregDef === DEF_NOT_SUBREG) return;
  env.aux[reg.subregDef - 1]!.zextDst = true;
  reg.subregDef = DEF_NOT_SUBREG;
}
