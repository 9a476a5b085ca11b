import { hex64 } from "../../base/index.ts";
import { type Insn, type InsnRow, lookup, Operation, WideKind, wideImm } from "../../isa/index.ts";
import { isPlain } from "../encode-row.ts";
import { guardWord } from "../guard.ts";
import { type PrintNames, signedText } from "../print-names.ts";
import { printRaw } from "../raw.ts";
import {
  ALU_SYMBOLS,
  accessType,
  aluSymbol,
  atomicWord,
  conditionSymbol,
  llvmAddress,
  llvmPlace,
} from "../symbols.ts";

/**
 * The instruction at a slot as LLVM writes it: `r0 = *(u32 *)(r1 + 8)`. Reading it back gives the same slots: what
 * has no such text is written as `.insn`.
 */
export function printPseudoC(insns: readonly Insn[], slot: number, names: PrintNames): string {
  const insn = insns[slot]!;
  const row = lookup(insn);
  if (row === undefined || !isPlain(insn, row)) return printRaw(insn);
  if (row.slots === 2 && !isSecondSlot(insns[slot + 1])) return printRaw(insn);
  return `${guardWord(row)}${printRow(insns, slot, insn, row, names)}`;
}

function isSecondSlot(insn: Insn | undefined): boolean {
  return insn !== undefined && (insn.opcode | insn.dst | insn.src | insn.off) === 0;
}

function printRow(insns: readonly Insn[], slot: number, insn: Insn, row: InsnRow, names: PrintNames): string {
  const { dst, src, off, imm } = insn;
  const letter = row.width === 32 ? "w" : "r";
  switch (row.kind) {
    case "alu": {
      const cast = row.extend === 0 ? "" : `(s${row.extend})`;
      return `${letter}${dst} ${aluSymbol(row)} ${cast}${row.source === "reg" ? `${letter}${src}` : imm}`;
    }
    case "neg":
      return `${letter}${dst} = -${letter}${dst}`;
    case "end":
      return `r${dst} = ${row.name} r${dst}`;
    case "cast":
      return row.operation === Operation.addrSpaceCast
        ? `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`
        : `r${dst} = &(void __percpu *)(r${src})`;
    case "branch": {
      const right = row.source === "reg" ? `${letter}${src}` : imm;
      return `if ${letter}${dst} ${conditionSymbol(row)} ${right} goto ${names.target(slot, off)}`;
    }
    case "goto":
      return row.width === 32 ? `gotol ${names.target(slot, imm)}` : `goto ${names.target(slot, off)}`;
    case "mayGoto":
      return `may_goto ${names.target(slot, off)}`;
    case "call":
      return printCall(slot, insn, row, names);
    case "load":
      return `r${dst} = ${memory(row, src, off)}`;
    case "store":
      return `${memory(row, dst, off)} = ${row.source === "reg" ? `r${src}` : imm}`;
    case "packet": {
      const place = row.source === "reg" ? `r${src} ${imm < 0 ? "-" : "+"} ${Math.abs(imm)}` : `${imm}`;
      return `r0 = *(${accessType(row)} *)skb[${place}]`;
    }
    case "atomic":
      return printAtomic(insn, row);
    case "loadAcquire":
      return `r${dst} = load_acquire(${llvmAddress(row, src, off)})`;
    case "storeRelease":
      return `store_release(${llvmAddress(row, dst, off)}, r${src})`;
    case "wide":
      return printWide(insns, slot, names);
    default:
      return row.name;
  }
}

function printAtomic({ dst, src, off }: Insn, row: InsnRow): string {
  const word = atomicWord(row);
  if (word === undefined) {
    const name = row.operation === Operation.xchg ? "xchg" : "cmpxchg";
    const letter = row.width === 32 ? "w" : "r";
    const suffix = row.width === 32 ? "32_32" : "_64";
    const place = llvmPlace(dst, off);
    return name === "xchg"
      ? `${letter}${src} = xchg${suffix}(${place}, ${letter}${src})`
      : `${letter}0 = cmpxchg${suffix}(${place}, ${letter}0, ${letter}${src})`;
  }
  if (!row.fetch) return `lock ${memory(row, dst, off)} ${ALU_SYMBOLS[word]} r${src}`;
  return `r${src} = atomic_fetch_${word}(${llvmAddress(row, dst, off)}, r${src})`;
}

function printCall(slot: number, { dst, off, imm }: Insn, row: InsnRow, names: PrintNames): string {
  switch (row.operation) {
    case Operation.callHelper:
      return `call ${names.helperName?.(imm) ?? imm}`;
    case Operation.callLocal: {
      const target = names.target(slot, imm);
      return `call ${/^[+-]/.test(target) ? `pc${target}` : target}`;
    }
    case Operation.callKfunc:
      return off === 0 ? `call kfunc(${imm})` : `call kfunc(${imm}, ${off})`;
    default:
      return row.source === "reg" ? `callx r${dst}` : `callx_imm r${imm}`;
  }
}

function printWide(insns: readonly Insn[], slot: number, names: PrintNames): string {
  const { dst, src, imm } = insns[slot]!;
  const to = `r${dst} =`;
  const next = insns[slot + 1]!.imm;
  switch (src) {
    case WideKind.imm: {
      const value = wideImm(insns, slot);
      return `${to} ${value < 10n ? value : hex64(value)} ll`;
    }
    case WideKind.mapFd:
      if (next === 0) return `${to} map[id:${imm}]`;
      break;
    case WideKind.mapValue:
      return `${to} map[id:${imm}][0]${signedText(next)}`;
    case WideKind.btfId:
      if (next === 0) return `${to} btf[id:${imm}]`;
      break;
    case WideKind.func:
      if (next === 0) return `${to} subprog[${names.target(slot, imm)}]`;
      break;
    case WideKind.mapIdx:
      if (next === 0) return `${to} map[idx:${imm}]`;
      break;
    case WideKind.mapIdxValue:
      return `${to} map[idx:${imm}]${signedText(next)}`;
  }
  return `ld_pseudo r${dst}, ${src}, ${hex64(wideImm(insns, slot))}`;
}

/** `*(u32 *)(r1 + 8)` */
function memory(row: InsnRow, base: number, off: number): string {
  return `*${llvmAddress(row, base, off)}`;
}
