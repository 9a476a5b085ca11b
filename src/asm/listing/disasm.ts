import { hex64 } from "../../base/index.ts";
import {
  CallKind,
  Class,
  classOf,
  type Insn,
  type InsnRow,
  lookup,
  Operation,
  rowsOfOpcode,
  Size,
  wideImm,
} from "../../isa/index.ts";
import { hexByte, signedText } from "../print-names.ts";
import { ALU_SYMBOLS, accessType, aluSymbol, atomicWord, conditionSymbol } from "../symbols.ts";
import type { DisasmContext } from "./context.ts";

/**
 * The instruction at a slot as Linux 6.18's `print_bpf_insn` writes it, which its verifier log and bpftool share:
 * `(61) r1 = *(u32 *)(r7 +112)`, without the line break. Fields that make no instruction of the table are printed
 * all the same, as far as the opcode goes.
 */
export function disasm(insns: readonly Insn[], slot: number, context: DisasmContext = {}): string {
  const insn = insns[slot]!;
  const rows = rowsOfOpcode(insn.opcode);
  const row = lookup(insn) ?? rows[0];
  const code = hexByte(insn.opcode);
  if (row === undefined) return unknown(insn, code);
  // Modes of Linux's own that its disassembler does not expect to see.
  if (row.guard !== "none") return bug(row.class, code);
  const known = lookup(insn) !== undefined;
  if (!known && (row.kind === "atomic" || row.kind === "loadAcquire")) {
    const wide = lookup({ ...insn, opcode: insn.opcode | Size.dw });
    if (wide === undefined) return bug(row.class, code);
    // An operation of a size that it does not have.
    return `(${code}) ${body(insns, slot, insn, { ...wide, width: row.width }, context)}`;
  }
  return `(${code}) ${body(insns, slot, insn, row, context)}`;
}

function body(
  insns: readonly Insn[],
  slot: number,
  insn: Insn,
  row: InsnRow,
  context: DisasmContext,
): string {
  const { dst, src, off, imm } = insn;
  const letter = row.class === Class.alu || row.class === Class.jmp32 ? "w" : "r";
  switch (row.kind) {
    case "alu": {
      const cast = row.extend === 0 ? "" : `(s${row.extend})`;
      return `${letter}${dst} ${aluSymbol(row)} ${cast}${row.source === "reg" ? `${letter}${src}` : imm}`;
    }
    case "neg":
      return `${letter}${dst} = -${letter}${dst}`;
    case "end": {
      const word =
        row.operation === Operation.toBe ? "be" : row.operation === Operation.toLe ? "le" : "bswap";
      return `r${dst} = ${word}${imm} r${dst}`;
    }
    case "cast":
      return row.operation === Operation.addrSpaceCast
        ? `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`
        : `r${dst} = &(void __percpu *)(r${src})`;
    case "branch": {
      const right = row.source === "reg" ? `${letter}${src}` : `0x${(imm >>> 0).toString(16)}`;
      return `if ${letter}${dst} ${conditionSymbol(row)} ${right} goto pc${signedText(off)}`;
    }
    case "goto":
      return row.width === 32 ? `gotol pc${signedText(imm)}` : `goto pc${signedText(off)}`;
    case "mayGoto":
      return `may_goto pc${signedText(off)}`;
    case "call":
      return call(insn, slot, context);
    case "load":
      return `r${dst} = *${address(row, src, off)}`;
    case "store":
      return `*${address(row, dst, off)} = ${row.source === "reg" ? `r${src}` : imm}`;
    case "packet":
      return `r0 = *(${accessType(row)} *)skb[${row.source === "reg" ? `r${src} + ${imm}` : imm}]`;
    case "atomic":
      return atomic(insn, row);
    case "loadAcquire":
      return `r${dst} = load_acquire(${address(row, src, off)})`;
    case "storeRelease":
      return `store_release(${address(row, dst, off)}, r${src})`;
    case "wide": {
      const value = wideImm(insns, slot);
      return `r${dst} = ${context.immText?.(insn, insns[slot + 1], value, slot) ?? hex64(value)}`;
    }
    default:
      return row.name;
  }
}

function atomic({ dst, src, off }: Insn, row: InsnRow): string {
  const width = row.width === 64 ? "64" : "";
  const place = address(row, dst, off);
  if (row.operation === Operation.cmpxchg) return `r0 = atomic${width}_cmpxchg(${place}, r0, r${src})`;
  if (row.operation === Operation.xchg) return `r${src} = atomic${width}_xchg(${place}, r${src})`;
  const word = atomicWord(row)!;
  if (row.fetch) return `r${src} = atomic${width}_fetch_${word}(${place}, r${src})`;
  return `lock *${place} ${ALU_SYMBOLS[word]} r${src}`;
}

function call(insn: Insn, slot: number, context: DisasmContext): string {
  const { src, imm } = insn;
  const helper = src === CallKind.helper ? context.helperName?.(imm) : undefined;
  const name = helper ?? context.callName?.(insn, slot);
  if (src === CallKind.local) return `call pc${name ?? signedText(imm)}`;
  return `call ${name ?? (src === CallKind.kfunc ? "kernel-function" : "unknown")}#${imm}`;
}

/** `(u32 *)(r7 +112)` */
function address(row: InsnRow, base: number, off: number): string {
  return `(${accessType(row)} *)(r${base} ${signedText(off)})`;
}

/** The names of Linux's `bpf_class_string`. */
const CLASS_NAMES = ["ld", "ldx", "st", "stx", "alu", "jmp", "jmp32", "alu64"];

function unknown({ opcode }: Insn, code: string): string {
  const cls = classOf(opcode);
  return cls <= Class.stx ? bug(cls, code) : `(${code}) ${CLASS_NAMES[cls]}`;
}

/** What Linux prints for a load or store of a mode that it does not know. */
function bug(cls: number, code: string): string {
  return cls === Class.stx ? `BUG_${code}` : `BUG_${CLASS_NAMES[cls]}_${code}`;
}
