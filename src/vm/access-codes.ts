import { OP } from "../wasm/index.ts";

/** The opcode that loads so many bytes into 64 bits. */
export function loadCode(size: number, signed: boolean): number {
  switch (size) {
    case 1:
      return signed ? OP["i64.load8_s"] : OP["i64.load8_u"];
    case 2:
      return signed ? OP["i64.load16_s"] : OP["i64.load16_u"];
    case 4:
      return signed ? OP["i64.load32_s"] : OP["i64.load32_u"];
    default:
      return OP["i64.load"];
  }
}

/** The opcode that stores so many bytes of 64 bits. */
export function storeCode(size: number): number {
  if (size === 1) return OP["i64.store8"];
  if (size === 2) return OP["i64.store16"];
  return size === 4 ? OP["i64.store32"] : OP["i64.store"];
}
