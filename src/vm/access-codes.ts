import type { InsnRow } from "../isa/index.ts";
import { OP } from "../wasm/index.ts";

/** The opcode that loads a value of the row's size into 64 bits. */
export function loadCode(row: InsnRow): number {
  switch (row.size) {
    case 1:
      return row.extend > 0 ? OP["i64.load8_s"] : OP["i64.load8_u"];
    case 2:
      return row.extend > 0 ? OP["i64.load16_s"] : OP["i64.load16_u"];
    case 4:
      return row.extend > 0 ? OP["i64.load32_s"] : OP["i64.load32_u"];
    default:
      return OP["i64.load"];
  }
}

/** The opcode that stores a value of the row's size, of 64 bits. */
export function storeCode(row: InsnRow): number {
  if (row.size === 1) return OP["i64.store8"];
  if (row.size === 2) return OP["i64.store16"];
  return row.size === 4 ? OP["i64.store32"] : OP["i64.store"];
}
