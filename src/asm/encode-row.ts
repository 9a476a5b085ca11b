import type { Span } from "../base/index.ts";
import { findRow, type Insn, insnOf } from "../isa/index.ts";
import { AsmCode, StatementError } from "./cursor.ts";

export interface Fields {
  readonly dst?: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
}

/** One slot of the row with this name; an error of the statement where the machine has no such instruction. */
export function slotOf(name: string, fields: Fields, span: Span, what: string): Insn {
  const row = findRow(name);
  if (row === undefined) throw new StatementError(AsmCode.instruction, `there is no ${what}`, span);
  return insnOf(row, fields.dst ?? 0, fields.src ?? 0, fields.off ?? 0, fields.imm ?? 0);
}

/**
 * Whether the row's own fields say everything about the slot: no reserved field is set. Otherwise its text would
 * lose something, and it has to be written as `.insn`.
 */
export function isPlain(
  insn: Insn,
  row: { readonly dst: unknown; readonly src: unknown; readonly off: unknown; readonly imm: unknown },
): boolean {
  return (
    (typeof row.dst !== "number" || row.dst === insn.dst) &&
    (typeof row.src !== "number" || row.src === insn.src) &&
    (typeof row.off !== "number" || row.off === insn.off) &&
    (typeof row.imm !== "number" || row.imm === insn.imm)
  );
}
