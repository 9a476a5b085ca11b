import type { InsnRow } from "./row.ts";
import { aluRows } from "./table/alu.ts";
import { atomicRows } from "./table/atomic.ts";
import { completeRow, type RowInput } from "./table/define.ts";
import { jumpRows } from "./table/jump.ts";
import { memoryRows } from "./table/memory.ts";

function build(): readonly InsnRow[] {
  const rows: InsnRow[] = [];
  const add = (row: RowInput): void => {
    rows.push(completeRow(rows.length, row));
  };
  aluRows(add);
  jumpRows(add);
  memoryRows(add);
  atomicRows(add);
  return rows;
}

/**
 * The instruction table: every instruction of RFC 9669 and of Linux 6.18, in a fixed order. Decoders, printers,
 * parsers, checkers, engines and tests derive from it; there is no second list of opcodes.
 */
export const ROWS: readonly InsnRow[] = build();
