import { ByteReader, FormatError } from "../base/index.ts";
import { ElfType, REL_SIZE, RELA_SIZE, SectionType } from "./constants.ts";
import type { ElfContents, ElfRelocation, ElfRelocations, ElfSection, ElfSymbol } from "./model.ts";

/** Reads one `SHT_REL` or `SHT_RELA` section with its symbols and target resolved. */
export function readRelocations(file: ElfContents, section: ElfSection): ElfRelocations {
  const what = `ELF section ${section.name}`;
  const data = file.data(section);
  const withAddend = section.type === SectionType.RELA;
  const entrySize = withAddend ? RELA_SIZE : REL_SIZE;
  if (section.entrySize !== entrySize || data.length % entrySize !== 0) {
    throw new FormatError(
      what,
      0,
      `expected entries of ${entrySize} bytes, got ${section.entrySize} in ${data.length} bytes`,
    );
  }
  const relocatable = file.header.type === ElfType.REL;
  const target = section.info === 0 ? undefined : file.sections[section.info];
  if (target === undefined && (relocatable || section.info !== 0)) {
    throw new FormatError(what, 0, `expected sh_info to be the target section, got ${section.info}`);
  }
  const symbols = section.link === 0 ? [] : file.symbolsOf(section.link);
  const r = new ByteReader(data, { endian: file.header.endian, what });
  const entries: ElfRelocation[] = [];
  for (let count = data.length / entrySize; count > 0; count--) {
    const at = r.offset;
    const offset = r.size64();
    if (relocatable && offset >= target!.size) {
      throw new FormatError(what, at, `offset ${offset} outside ${target!.name} (${target!.size} bytes)`);
    }
    const { type, symbolIndex } = relocationInfo(r);
    entries.push({
      offset,
      type,
      symbol: symbolAt(symbols, symbolIndex, what, at),
      addend: withAddend ? r.s64() : undefined,
    });
  }
  return { section, target, entries };
}

/** `r_info`: the symbol's index in the high half, the type in the low one. */
function relocationInfo(r: ByteReader): { type: number; symbolIndex: number } {
  const first = r.u32();
  const second = r.u32();
  return r.endian === "little" ? { type: first, symbolIndex: second } : { type: second, symbolIndex: first };
}

function symbolAt(
  symbols: readonly ElfSymbol[],
  index: number,
  what: string,
  at: number,
): ElfSymbol | undefined {
  if (index === 0) return undefined;
  const symbol = symbols[index];
  if (symbol === undefined) {
    throw new FormatError(what, at + 8, `expected a symbol index below ${symbols.length}, got ${index}`);
  }
  return symbol;
}
