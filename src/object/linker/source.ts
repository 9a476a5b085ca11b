import { Btf, type BtfExt, BtfKind, parseBtfExt } from "../../btf/index.ts";
import { type ElfSection, type ElfSymbol, SectionFlag, SectionType, SymbolType } from "../../elf/index.ts";
import { ObjectFile } from "../object-file.ts";

/** An object to be linked. */
export interface LinkInput {
  /** For messages: the file's name. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Externs that the static linker resolves; in BTF they stand in a section of this name. */
export const EXTERN_SECTION = ".extern";

/** A section of one object as a part of the output's. */
export interface SourceSection {
  readonly name: string;
  /** null for sections that only BTF has: `.kconfig`, `.ksyms`, and what holds nothing but externs. */
  readonly elf: ElfSection | null;
  /** Id of its DATASEC; 0 where it has none. */
  readonly datasec: number;
}

/** One object with what is linked of it: code and data with their relocations, symbols, types. */
export class LinkSource {
  readonly file: ObjectFile;
  readonly btf: Btf | null;
  readonly ext: BtfExt | null;
  /** Code and data in the order of the file, then the sections that only BTF has. */
  readonly sections: readonly SourceSection[];
  readonly #offsets = new Map<string, ElfSymbol>();

  constructor({ name, bytes }: LinkInput) {
    const file = new ObjectFile(bytes, name);
    const btfSection = file.elf.section(".BTF");
    const extSection = file.elf.section(".BTF.ext");
    this.file = file;
    this.btf = btfSection === undefined ? null : Btf.parse(file.data(btfSection), { what: "section .BTF" });
    if (extSection !== undefined && this.btf === null) {
      throw file.error({ section: extSection.name }, "expected a section .BTF beside it, got none");
    }
    this.ext = extSection === undefined ? null : parseBtfExt(file.data(extSection), this.btf!);
    this.sections = this.#readSections();
    for (const symbol of file.symbols) {
      if (symbol.type !== SymbolType.OBJECT || symbol.section === undefined) continue;
      const key = `${symbol.section.name}\0${symbol.name}`;
      if (!this.#offsets.has(key)) this.#offsets.set(key, symbol);
    }
  }

  /** Offset of a global variable in its section, which compilers leave to the symbol to say. */
  variableOffset(section: string, name: string): number | null {
    const symbol = this.#offsets.get(`${section}\0${name}`);
    return symbol === undefined ? null : Number(symbol.value);
  }

  #readSections(): SourceSection[] {
    const { file, btf } = this;
    const datasecs = new Map<string, number>();
    for (let id = 1; btf !== null && id < btf.count; id++) {
      if (btf.kind(id) === BtfKind.DATASEC) datasecs.set(btf.name(id), id);
    }
    const sections: SourceSection[] = [];
    for (const elf of file.elf.sections) {
      if (!isLinked(elf)) continue;
      if (elf.flags & SectionFlag.EXECINSTR && elf.size % 8 !== 0) {
        throw file.error({ section: elf.name }, `expected whole instructions, got ${elf.size} bytes`);
      }
      sections.push({ name: elf.name, elf, datasec: datasecs.get(elf.name) ?? 0 });
      datasecs.delete(elf.name);
    }
    for (const [name, datasec] of datasecs) {
      if (name !== EXTERN_SECTION) sections.push({ name, elf: null, datasec });
    }
    return sections;
  }
}

/** Code and data; not what describes them, which is made anew, nor what compilers say of themselves. */
function isLinked({ index, name, type, size }: ElfSection): boolean {
  if (index === 0 || (type !== SectionType.PROGBITS && type !== SectionType.NOBITS)) return false;
  if (name === ".text" && size === 0) return false;
  return !name.startsWith(".debug_") && name !== ".BTF" && name !== ".BTF.ext" && name !== ".comment";
}
