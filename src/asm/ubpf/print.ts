import { hex64 } from "../../base/index.ts";
import { type Insn, type InsnRow, lookup, Operation, WideKind, wideImm } from "../../isa/index.ts";
import { isPlain } from "../encode-row.ts";
import { guardWord } from "../guard.ts";
import { type PrintNames, signedText } from "../print-names.ts";
import { printRaw } from "../raw.ts";
import { atomicWord } from "../symbols.ts";
import { mnemonicOf } from "./mnemonic.ts";

/** The instruction at a slot as the conformance suite writes it: `ldxw %r0, [%r1+8]`. Reading it back gives the same slots. */
export function printUbpf(insns: readonly Insn[], slot: number, names: PrintNames): string {
  const insn = insns[slot]!;
  const row = lookup(insn);
  if (row === undefined || !isPlain(insn, row)) return printRaw(insn);
  const next = insns[slot + 1];
  if (row.slots === 2 && (next === undefined || (next.opcode | next.dst | next.src | next.off) !== 0)) {
    return printRaw(insn);
  }
  return `${guardWord(row)}${printRow(insns, slot, insn, row, names)}`;
}

function printRow(insns: readonly Insn[], slot: number, insn: Insn, row: InsnRow, names: PrintNames): string {
  const { dst, src, off, imm } = insn;
  const word = mnemonicOf(row);
  const operand = row.source === "reg" ? `%r${src}` : number(imm);
  switch (row.kind) {
    case "alu":
      return `${word} %r${dst}, ${operand}`;
    case "neg":
    case "end":
      return `${word} %r${dst}`;
    case "cast":
      return row.operation === Operation.addrSpaceCast
        ? `${word} %r${dst}, %r${src}, ${imm >>> 16}, ${imm & 0xffff}`
        : `${word} %r${dst}, %r${src}`;
    case "branch":
      return `${word} %r${dst}, ${operand}, ${names.target(slot, off)}`;
    case "goto":
      return `${word} ${names.target(slot, row.width === 32 ? imm : off)}`;
    case "mayGoto":
      return `${word} ${names.target(slot, off)}`;
    case "call":
      return printCall(slot, insn, row, names);
    case "load":
    case "loadAcquire":
      return `${word} %r${dst}, ${memory(src, off)}`;
    case "store":
    case "storeRelease":
      return `${word} ${memory(dst, off)}, ${operand}`;
    case "packet":
      return row.source === "reg" ? `${word} %r${src}, ${number(imm)}` : `${word} ${number(imm)}`;
    case "atomic": {
      const fetch = row.fetch && atomicWord(row) !== undefined ? "fetch " : "";
      return `lock ${fetch}${word} ${memory(dst, off)}, %r${src}`;
    }
    case "wide": {
      const value = hex64(wideImm(insns, slot));
      return src === WideKind.imm ? `lddw %r${dst}, ${value}` : `ld_pseudo %r${dst}, ${src}, ${value}`;
    }
    default:
      return word;
  }
}

function printCall(slot: number, { dst, off, imm }: Insn, row: InsnRow, names: PrintNames): string {
  switch (row.operation) {
    case Operation.callHelper:
      return `call ${names.helperName?.(imm) ?? imm}`;
    case Operation.callLocal:
      return `call local ${names.target(slot, imm)}`;
    case Operation.callKfunc:
      return off === 0 ? `call runtime ${imm}` : `call runtime ${imm}, ${off}`;
    default:
      return row.source === "reg" ? `call %r${dst}` : `callx_imm %r${imm}`;
  }
}

/** Small numbers in decimal, others in hex, negative ones in decimal: as the suite's disassembler does. */
function number(value: number): string {
  return value <= 10 ? `${value}` : `0x${value.toString(16)}`;
}

function memory(base: number, off: number): string {
  return off === 0 ? `[%r${base}]` : `[%r${base}${signedText(off)}]`;
}
