import { type Endian, hex64, TextWriter } from "../../base/index.ts";
import {
  encode,
  INSN_SIZE,
  type Insn,
  type InsnRow,
  Operation,
  rowsOfOpcode,
  WideKind,
  wideImm,
} from "../../isa/index.ts";
import { hexByte, signedText } from "../print-names.ts";
import {
  ALU_SYMBOLS,
  accessType,
  aluSymbol,
  atomicWord,
  conditionSymbol,
  llvmAddress,
  llvmPlace,
} from "../symbols.ts";

/** A name for a place in a section. */
export interface ObjdumpSymbol {
  /** Slot from the section's start. */
  readonly slot: number;
  readonly name: string;
}

/** A section of instructions. */
export interface ObjdumpSection {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly symbols?: readonly ObjdumpSymbol[];
  readonly endian?: Endian;
}

/** The listing of `llvm-objdump -d` of LLVM 14: a heading for the file, and its sections. Both byte orders have the same heading. */
export function objdumpText(file: string, sections: readonly ObjdumpSection[]): string {
  return `\n${file}:\tfile format elf64-bpf\n${sections.map(objdumpSection).join("")}`;
}

/** One section of the listing. */
export function objdumpSection(section: ObjdumpSection): string {
  const { insns, endian } = section;
  const out = new TextWriter(insns.length * 72 + 256);
  out.text(`\nDisassembly of section ${section.name}:\n`);
  const bytes = encode(insns, endian === undefined ? {} : { endian });
  const symbols = symbolsOf(section);
  let symbol = 0;
  for (let slot = 0; slot < insns.length; ) {
    for (; symbol < symbols.length && symbols[symbol]!.slot <= slot; symbol++) {
      if (symbols[symbol]!.slot < slot) continue;
      const address = (slot * INSN_SIZE).toString(16).padStart(16, "0");
      out.text(`\n${address} <${symbols[symbol]!.name}>:\n`);
    }
    const zeros = zeroRun(insns, slot, symbols[symbol]?.slot ?? insns.length);
    if (zeros > 0) {
      out.text("\t\t...\n");
      slot += zeros;
      continue;
    }
    const row = rowsOfOpcode(insns[slot]!.opcode)[0];
    const text = printLlvm14(insns, slot, row, symbols);
    const width = row?.slots === 2 && slot + 1 < insns.length && text !== UNKNOWN ? 2 : 1;
    out.text(`${slot}`.padStart(8)).text(":\t");
    for (let at = slot * INSN_SIZE; at < (slot + width) * INSN_SIZE; at++) {
      if (at > slot * INSN_SIZE) out.char(32);
      out.text(hexByte(bytes[at]!));
    }
    out.char(9).text(text).char(10);
    slot += width;
  }
  return out.toString();
}

/** Sorted by place; the section's own name stands where nothing names its start. Of several names at one place LLVM 14 prints the last. */
function symbolsOf({ name, symbols = [] }: ObjdumpSection): ObjdumpSymbol[] {
  const byPlace = new Map<number, ObjdumpSymbol>();
  for (const symbol of symbols) byPlace.set(symbol.slot, symbol);
  if (!byPlace.has(0)) byPlace.set(0, { slot: 0, name });
  return [...byPlace.values()].sort((a, b) => a.slot - b.slot);
}

/** Slots of zeros from here to the next symbol, which objdump leaves out. */
function zeroRun(insns: readonly Insn[], slot: number, end: number): number {
  let at = slot;
  for (; at < end && at < insns.length; at++) {
    const { opcode, dst, src, off, imm } = insns[at]!;
    if ((opcode | dst | src | off | imm) !== 0) break;
  }
  return at - slot;
}

const UNKNOWN = "<unknown>";
/** Operations that LLVM 14 had no instruction for. */
const LATER: ReadonlySet<number> = new Set([Operation.mod, Operation.smod, Operation.bswap, Operation.jset]);

/**
 * The instruction as LLVM 14 prints it. Its decoder looks at fewer fields than the table: unused ones are ignored,
 * so that later instructions of the same opcode look like the older ones (`sdiv` like `div`).
 */
function printLlvm14(
  insns: readonly Insn[],
  slot: number,
  row: InsnRow | undefined,
  symbols: readonly ObjdumpSymbol[],
): string {
  const { dst, src, off, imm } = insns[slot]!;
  if (row === undefined || row.guard !== "none" || LATER.has(row.operation)) return UNKNOWN;
  const isCallReg = row.operation === Operation.callReg;
  if ((row.dst === "register" && dst > 11 && !isCallReg) || (row.src === "register" && src > 11))
    return UNKNOWN;
  const letter = row.width === 32 ? "w" : "r";
  switch (row.kind) {
    case "alu":
      return `${letter}${dst} ${aluSymbol(row)} ${row.source === "reg" ? `${letter}${src}` : imm}`;
    case "neg":
      return `${letter}${dst} = -${letter}${dst}`;
    case "end":
      if (imm !== 16 && imm !== 32 && imm !== 64) return UNKNOWN;
      return `r${dst} = ${row.operation === Operation.toBe ? "be" : "le"}${imm} r${dst}`;
    case "branch": {
      const right = row.source === "reg" ? `${letter}${src}` : imm;
      return `if ${letter}${dst} ${conditionSymbol(row)} ${right} goto ${target(slot, off, symbols)}`;
    }
    case "goto":
      return row.width === 16 ? `goto ${target(slot, off, symbols)}` : UNKNOWN;
    case "call":
      if (!isCallReg) return `call ${imm}`;
      return imm >= 0 && imm <= 11 ? `callx r${imm}` : UNKNOWN;
    case "exit":
      return imm === 0 ? "exit" : UNKNOWN;
    case "load":
      return row.extend === 0 ? `r${dst} = *${llvmAddress(row, src, off)}` : UNKNOWN;
    case "store":
      return row.source === "reg" ? `*${llvmAddress(row, dst, off)} = r${src}` : UNKNOWN;
    case "packet":
      return `r0 = *(${accessType(row)} *)skb[${row.source === "reg" ? `r${src}` : imm}]`;
    case "atomic":
      return printAtomic(insns[slot]!, row);
    case "wide":
      if (off !== 0) return UNKNOWN;
      if (src === WideKind.imm) return `r${dst} = ${BigInt.asIntN(64, wideImm(insns, slot))} ll`;
      return `ld_pseudo\tr${dst}, ${src}, ${imm >>> 0}`;
    default:
      return UNKNOWN;
  }
}

/**
 * Of the immediate, LLVM 14 decodes the low byte, in which of the operations without fetch the lower half may be
 * anything else; of 32-bit atomics it prints only the addition.
 */
function printAtomic({ opcode, dst, src, off, imm }: Insn, row: InsnRow): string {
  const place = llvmAddress(row, dst, off);
  if (row.width === 32) return (imm & 0xf0) === 0 ? `lock *${place} += r${src}` : UNKNOWN;
  const rows = rowsOfOpcode(opcode).filter(({ kind }) => kind === "atomic");
  const found =
    rows.find((each) => each.imm === (imm & 0xff)) ?? rows.find((each) => each.imm === (imm & 0xf0));
  if (found === undefined) return UNKNOWN;
  const memory = llvmPlace(dst, off);
  if (found.operation === Operation.xchg) return `r${src} = xchg_64(${memory}, r${src})`;
  if (found.operation === Operation.cmpxchg) return `r0 = cmpxchg_64(${memory}, r0, r${src})`;
  const word = atomicWord(found)!;
  if (found.fetch) return `r${src} = atomic_fetch_${word}(${place}, r${src})`;
  return `lock *${place} ${ALU_SYMBOLS[word]} r${src}`;
}

/** `+3 <LBB0_2>`, `+100 <f+0xad8>`; in front of the section addresses are unsigned: `-3 <f+0xfffffffffffffff8>`. */
function target(slot: number, off: number, symbols: readonly ObjdumpSymbol[]): string {
  const place = slot + 1 + off < 0 ? Number.POSITIVE_INFINITY : slot + 1 + off;
  let low = 0;
  let high = symbols.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (symbols[middle]!.slot <= place) low = middle + 1;
    else high = middle;
  }
  const symbol = symbols[low - 1];
  if (symbol === undefined) return signedText(off);
  const distance = (slot + 1 + off - symbol.slot) * INSN_SIZE;
  return `${signedText(off)} <${symbol.name}${distance === 0 ? "" : `+${hex64(BigInt(distance))}`}>`;
}
