import type { Insn } from "../isa/index.ts";
import { AsmCode, type Cursor, narrow, StatementError, signed } from "./cursor.ts";

/** `.insn 0x8d, 0, 0, 0, 5`: opcode, dst, src, off and imm of one slot, whatever it may mean. */
export function parseRaw(cursor: Cursor): readonly Insn[] {
  cursor.next();
  const field = (what: string, limit: number): number => {
    const { value, span } = cursor.integer(what);
    if (value < 0n || value > BigInt(limit)) {
      throw new StatementError(AsmCode.range, `expected ${what} of 0 to ${limit}, got ${value}`, span);
    }
    return Number(value);
  };
  const opcode = field("an opcode", 255);
  cursor.expect(",");
  const dst = field("a register", 15);
  cursor.expect(",");
  const src = field("a register", 15);
  cursor.expect(",");
  const off = cursor.integer("an offset");
  cursor.expect(",");
  const imm = cursor.integer("an immediate");
  return [
    {
      opcode,
      dst,
      src,
      off: signed(off.value, off.span, 16, "an offset"),
      imm: narrow(imm.value, imm.span, 32, "an immediate"),
    },
  ];
}

export function printRaw({ opcode, dst, src, off, imm }: Insn): string {
  return `.insn 0x${opcode.toString(16).padStart(2, "0")}, ${dst}, ${src}, ${off}, ${imm}`;
}
