import {
  type ElfSection,
  type ElfSymbol,
  SymbolBinding,
  SymbolType,
  SymbolVisibility,
} from "../elf/index.ts";
import { decode, INSN_SIZE, type Insn } from "../isa/index.ts";
import type { ObjectFile } from "./object-file.ts";

/** A function of the object: a program's entry, or a subprogram in `.text`. */
export interface ObjectFunction {
  readonly name: string;
  readonly section: ElfSection;
  /** Slot of its first instruction in the section. */
  readonly start: number;
  /** As in the file. */
  readonly insns: readonly Insn[];
  readonly global: boolean;
  /** Global, but not to be seen from outside: its BTF FUNC becomes static, which the verifier treats more kindly. */
  readonly hidden: boolean;
  /** In `.text`: part of the programs that reach it, never a program itself. */
  readonly subprogram: boolean;
}

/** How many slots the functions of a section may have together, as a multiple of its own: aliases share theirs. */
const MAX_OVERLAP = 16;

/** The functions of an object by place. */
export class ObjectFunctions {
  /** By section, then by offset. */
  readonly all: readonly ObjectFunction[];
  readonly #bySection = new Map<number, ObjectFunction[]>();

  /** Throws ObjectError for symbols that are no whole functions inside their section. */
  constructor(file: ObjectFile) {
    for (const section of file.sections("code")) this.#bySection.set(section.index, []);
    const bySection = new Map<number, ElfSymbol[]>();
    for (const symbol of file.symbols) {
      if (symbol.type !== SymbolType.FUNC || symbol.section === undefined) continue;
      const list = bySection.get(symbol.section.index);
      if (list === undefined) bySection.set(symbol.section.index, [symbol]);
      else list.push(symbol);
    }
    for (const [index, functions] of this.#bySection) {
      const section = file.elf.sections[index]!;
      readFunctions(file, section, bySection.get(index) ?? [], functions);
    }
    this.all = [...this.#bySection.values()].flat();
  }

  /** The function that contains a slot of a section: the last that starts at or before it (`find_prog_by_sec_insn`). */
  at(section: ElfSection, slot: number): ObjectFunction | undefined {
    const functions = this.#bySection.get(section.index);
    if (functions === undefined) return undefined;
    let low = 0;
    let high = functions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (functions[middle]!.start <= slot) low = middle + 1;
      else high = middle;
    }
    const found = functions[low - 1];
    return found !== undefined && slot < found.start + found.insns.length ? found : undefined;
  }
}

function readFunctions(
  file: ObjectFile,
  section: ElfSection,
  symbols: readonly ElfSymbol[],
  functions: ObjectFunction[],
): void {
  const subprogram = section.name === ".text";
  const data = file.data(section);
  let budget = MAX_OVERLAP * data.length;
  for (const symbol of symbols) {
    const { name, value, size } = symbol;
    const place = { section: section.name, symbol: name };
    const offset = Number(value);
    if (size === 0 || size % INSN_SIZE !== 0 || offset % INSN_SIZE !== 0) {
      throw file.error(
        place,
        `expected a function of whole instructions, got ${size} bytes at offset ${value}`,
      );
    }
    if (value > BigInt(data.length) || size > data.length - offset) {
      throw file.error(
        place,
        `expected a function inside the section (${data.length} bytes), got ${size} bytes at offset ${value}`,
      );
    }
    const local = symbol.binding === SymbolBinding.LOCAL;
    if (local && !subprogram) {
      throw file.error(place, "static programs are not supported: only functions in .text may be static");
    }
    if (name === "")
      throw file.error({ ...place, symbol: `#${symbol.index}` }, "expected a function to have a name");
    budget -= size;
    if (budget < 0) throw file.error(place, "functions overlap each other too often");
    const what = `object ${file.label}: section ${section.name}: symbol ${name}`;
    functions.push({
      name,
      section,
      start: offset / INSN_SIZE,
      insns: decode(data.subarray(offset, offset + size), { endian: file.endian, what }),
      global: !local,
      hidden: !local && isHidden(symbol),
      subprogram,
    });
  }
  functions.sort((a, b) => a.start - b.start);
}

/** True for symbols that only their own object may see. */
export function isHidden(symbol: ElfSymbol): boolean {
  return symbol.visibility === SymbolVisibility.HIDDEN || symbol.visibility === SymbolVisibility.INTERNAL;
}
