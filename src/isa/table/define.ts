import type { SizeName } from "../opcode.ts";
import { classOf, SIZE_BYTES, Source } from "../opcode.ts";
import type { InsnRow } from "../row.ts";

/** What a row has to say; everything else is the default of a field that is not used. */
export type RowInput = { [key in keyof InsnRow]?: InsnRow[key] } & Pick<
  InsnRow,
  "name" | "opcode" | "kind" | "operation" | "group"
>;

/** Takes the rows of a family of instructions, in order. */
export type AddRow = (row: RowInput) => void;

/** One literal with every field in one order: all rows share a hidden class, so that `lookup(insn).kind` stays monomorphic. */
export function completeRow(id: number, row: RowInput): InsnRow {
  return {
    id,
    name: row.name,
    opcode: row.opcode,
    class: classOf(row.opcode),
    kind: row.kind,
    operation: row.operation,
    width: row.width ?? 0,
    size: row.size ?? 0,
    extend: row.extend ?? 0,
    source: row.source ?? "none",
    fetch: row.fetch ?? false,
    guard: row.guard ?? "none",
    dstAccess: row.dstAccess ?? "none",
    srcAccess: row.srcAccess ?? "none",
    implicitReads: row.implicitReads ?? 0,
    implicitWrites: row.implicitWrites ?? 0,
    dst: row.dst ?? 0,
    src: row.src ?? 0,
    off: row.off ?? 0,
    imm: row.imm ?? 0,
    slots: row.slots ?? 1,
    group: row.group,
    version: row.version ?? 1,
  };
}

/** Bits of an access. */
export function bitsOf(size: SizeName): 8 | 16 | 32 | 64 {
  return (SIZE_BYTES[size] * 8) as 8 | 16 | 32 | 64;
}

export const SIZES = ["b", "h", "w", "dw"] as const;

/** The two forms of an operation with a second operand: an immediate or a register. */
export const SOURCES = [
  { letter: "k", bit: Source.k, source: "imm", src: 0, imm: "value", srcAccess: "none" },
  { letter: "x", bit: Source.x, source: "reg", src: "register", imm: 0, srcAccess: "read" },
] as const;

/** Bit sets of registers. */
export const R0 = 1 << 0;
/** r0 to r5: what a call may change. */
export const CALLER_SAVED = 0b11_1111;
/** r1 to r5 */
export const ARGUMENTS = 0b11_1110;
/** r6, where packet access of classic BPF expects the context. */
export const PACKET_CONTEXT = 1 << 6;
