import type { Endian } from "../base/index.ts";

/** `Elf64_Ehdr` without the fields that only say where the tables are. */
export interface ElfHeader {
  readonly endian: Endian;
  /** `EI_OSABI`. */
  readonly osAbi: number;
  /** An `ElfType`. */
  readonly type: number;
  /** An `ElfMachine`; the reader accepts every one. */
  readonly machine: number;
  readonly entry: bigint;
  /** `e_flags`: the machine's own. */
  readonly flags: number;
}

/** One section header (`Elf64_Shdr`) with its name. Its contents: `ElfFile.data(section)`. */
export interface ElfSection {
  /** Position in the section header table. */
  readonly index: number;
  readonly name: string;
  /** A `SectionType`. */
  readonly type: number;
  /** `SectionFlag`s: the low 32 bits, the gABI defines none above. */
  readonly flags: number;
  readonly address: bigint;
  /** Where the contents start in the file. */
  readonly offset: number;
  /** Bytes in memory; for `SHT_NOBITS` the file holds none of them. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  /** Size of one entry, for sections that are tables. */
  readonly entrySize: number;
}

/** One program header (`Elf64_Phdr`). */
export interface ElfSegment {
  readonly index: number;
  /** A `SegmentType`. */
  readonly type: number;
  /** `SegmentFlag`s. */
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** Where a symbol lives: in `section`, or in one of the places that are no section. */
export type SymbolPlace = "section" | "undefined" | "absolute" | "common" | "reserved";

/** One symbol (`Elf64_Sym`) with its name and section resolved. */
export interface ElfSymbol {
  /** Position in its symbol table. */
  readonly index: number;
  readonly name: string;
  /** Offset in the section (relocatable files) or address (executables, shared objects). */
  readonly value: bigint;
  readonly size: number;
  /** A `SymbolType`. */
  readonly type: number;
  /** A `SymbolBinding`. */
  readonly binding: number;
  /** A `SymbolVisibility`. */
  readonly visibility: number;
  readonly place: SymbolPlace;
  /** Set exactly where `place` is `"section"`. */
  readonly section: ElfSection | undefined;
}

/** One entry of a `SHT_REL` or `SHT_RELA` section. */
export interface ElfRelocation {
  /** Offset in the target section (relocatable files) or address. */
  readonly offset: number;
  /** The machine's relocation type: `R_BPF_64_64` … */
  readonly type: number;
  /** `undefined` for symbol index 0: the relocation has no symbol. */
  readonly symbol: ElfSymbol | undefined;
  /** `undefined` in `SHT_REL`: the addend is in the target's bytes. */
  readonly addend: bigint | undefined;
}

/** A relocation section with what it applies to. */
export interface ElfRelocations {
  /** The `SHT_REL` or `SHT_RELA` section itself. */
  readonly section: ElfSection;
  /** The section it changes (`sh_info`); `undefined` in dynamic relocations, which apply to addresses. */
  readonly target: ElfSection | undefined;
  readonly entries: readonly ElfRelocation[];
}

/** One note of a `SHT_NOTE` section or a `PT_NOTE` segment. */
export interface ElfNote {
  /** The owner: `"GNU"`, `"stapsdt"`, `"Linux"`. */
  readonly name: string;
  readonly type: number;
  /** A view of the file. */
  readonly description: Uint8Array;
  /** `undefined` where the note came from a segment. */
  readonly section: ElfSection | undefined;
}

/** What the table readers need of an open file. */
export interface ElfContents {
  readonly header: ElfHeader;
  readonly sections: readonly ElfSection[];
  data(section: ElfSection): Uint8Array;
  symbolsOf(index: number): readonly ElfSymbol[];
}
