import { ByteReader, FormatError } from "../base/index.ts";
import { SectionIndex, SectionType, SYM_SIZE } from "./constants.ts";
import type { ElfContents, ElfSection, ElfSymbol, SymbolPlace } from "./model.ts";
import { StringTable } from "./strings.ts";

/** Reads a `SHT_SYMTAB` or `SHT_DYNSYM` section: every symbol, the null symbol at index 0 included. */
export function readSymbols(file: ElfContents, table: ElfSection): readonly ElfSymbol[] {
  const what = `ELF section ${table.name}`;
  const data = file.data(table);
  if (table.entrySize !== SYM_SIZE || data.length % SYM_SIZE !== 0) {
    throw new FormatError(
      what,
      0,
      `expected entries of ${SYM_SIZE} bytes, got ${table.entrySize} in ${data.length} bytes`,
    );
  }
  const names = stringsOf(file, table, what);
  const extended = extendedIndices(file, table);
  const r = new ByteReader(data, { endian: file.header.endian, what });
  const symbols: ElfSymbol[] = [];
  for (let index = 0; index < data.length / SYM_SIZE; index++) {
    const at = r.offset;
    const name = names.at(r.u32());
    const info = r.u8();
    const visibility = r.u8() & 3;
    let sectionIndex = r.u16();
    let place: SymbolPlace = "section";
    if (sectionIndex === SectionIndex.XINDEX && extended !== undefined) sectionIndex = extended.u32();
    else {
      place = placeOf(sectionIndex);
      if (extended !== undefined) extended.skip(4);
    }
    const section = place === "section" ? file.sections[sectionIndex] : undefined;
    if (place === "section" && section === undefined) {
      throw new FormatError(
        what,
        at + 6,
        `symbol ${index} '${name}': expected a section index below ${file.sections.length}, got ${sectionIndex}`,
      );
    }
    symbols.push({
      index,
      name,
      value: r.u64(),
      size: r.size64(),
      type: info & 15,
      binding: info >> 4,
      visibility,
      place,
      section,
    });
  }
  return symbols;
}

function placeOf(sectionIndex: number): SymbolPlace {
  if (sectionIndex === SectionIndex.UNDEF) return "undefined";
  if (sectionIndex < SectionIndex.LORESERVE) return "section";
  if (sectionIndex === SectionIndex.ABS) return "absolute";
  return sectionIndex === SectionIndex.COMMON ? "common" : "reserved";
}

function stringsOf(file: ElfContents, table: ElfSection, what: string): StringTable {
  const strings = file.sections[table.link];
  if (strings === undefined || strings.type !== SectionType.STRTAB) {
    throw new FormatError(what, 0, `expected sh_link to be a string table, got section ${table.link}`);
  }
  return new StringTable(file.data(strings), `ELF section ${strings.name}`);
}

/** The `SHT_SYMTAB_SHNDX` section of a symbol table: 32-bit section indices, one for each symbol. */
function extendedIndices(file: ElfContents, table: ElfSection): ByteReader | undefined {
  const section = file.sections.find(
    (candidate) => candidate.type === SectionType.SYMTAB_SHNDX && candidate.link === table.index,
  );
  if (section === undefined) return undefined;
  const what = `ELF section ${section.name}`;
  return new ByteReader(file.data(section), { endian: file.header.endian, what });
}
