import { type Endian, FormatError, NotSupported } from "../base/index.ts";
import { SectionFlag, SectionType, SegmentType } from "./constants.ts";
import { readTables } from "./headers.ts";
import type {
  ElfContents,
  ElfHeader,
  ElfNote,
  ElfRelocations,
  ElfSection,
  ElfSegment,
  ElfSymbol,
} from "./model.ts";
import { readNotes } from "./notes.ts";
import { readRelocations } from "./relocations.ts";
import { readSymbols } from "./symbols.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * An ELF64 file of either byte order, opened over its bytes: contents are views, tables are read when asked for.
 *
 * Opening checks the header and both header tables. Every method throws a FormatError naming the part and the
 * offset where the file contradicts itself. The bytes must not change while the file is in use.
 *
 * ```ts
 * const file = openElf(bytes);
 * const licence = file.section("license");
 * if (licence) file.data(licence);
 * ```
 */
export class ElfFile implements ElfContents {
  readonly bytes: Uint8Array;
  readonly header: ElfHeader;
  /** All of the table, the null section at index 0 included. */
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
  readonly #byName = new Map<string, ElfSection>();
  readonly #symbols = new Map<number, readonly ElfSymbol[]>();
  #relocations: readonly ElfRelocations[] | undefined;

  /** Throws FormatError where the bytes are no ELF file, NotSupported for a 32-bit one. */
  constructor(bytes: Uint8Array) {
    const { header, sections, segments } = readTables(bytes);
    this.bytes = bytes;
    this.header = header;
    this.sections = sections;
    this.segments = segments;
    for (const section of sections) {
      if (section.index > 0 && !this.#byName.has(section.name)) this.#byName.set(section.name, section);
    }
  }

  get endian(): Endian {
    return this.header.endian;
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.#byName.get(name);
  }

  /** A section's contents, as a view: empty for `SHT_NOBITS`; NotSupported where they are compressed. */
  data(section: ElfSection): Uint8Array {
    if (section.type === SectionType.NOBITS || section.type === SectionType.NULL) return NO_BYTES;
    if (section.flags & SectionFlag.COMPRESSED) {
      throw new NotSupported(`compressed ELF section ${section.name}`, {
        why: "decompress it first (objcopy --decompress-debug-sections)",
      });
    }
    return this.#range(`ELF section ${section.name}`, section.offset, section.size);
  }

  /** A segment's bytes in the file, as a view. */
  segmentData(segment: ElfSegment): Uint8Array {
    return this.#range(`ELF segment ${segment.index}`, segment.offset, segment.fileSize);
  }

  /** The symbols of `.symtab`, the null symbol at index 0 included; empty in a stripped file. */
  symbols(): readonly ElfSymbol[] {
    return this.#symbolsOfType(SectionType.SYMTAB);
  }

  /** The symbols of `.dynsym`, the null symbol at index 0 included; empty in a file without. */
  dynamicSymbols(): readonly ElfSymbol[] {
    return this.#symbolsOfType(SectionType.DYNSYM);
  }

  /** The symbols of the table at section `index`. */
  symbolsOf(index: number): readonly ElfSymbol[] {
    const known = this.#symbols.get(index);
    if (known !== undefined) return known;
    const table = this.sections[index];
    if (table === undefined || (table.type !== SectionType.SYMTAB && table.type !== SectionType.DYNSYM)) {
      throw new FormatError("ELF section headers", 0, `expected section ${index} to be a symbol table`);
    }
    this.#checkSum("symbol tables", (type) => type === SectionType.SYMTAB || type === SectionType.DYNSYM);
    const symbols = readSymbols(this, table);
    this.#symbols.set(index, symbols);
    return symbols;
  }

  /** All relocation sections, in file order. */
  relocations(): readonly ElfRelocations[] {
    if (this.#relocations !== undefined) return this.#relocations;
    const isRelocation = (type: number) => type === SectionType.REL || type === SectionType.RELA;
    this.#checkSum("relocations", isRelocation);
    this.#relocations = this.sections
      .filter((section) => isRelocation(section.type))
      .map((section) => readRelocations(this, section));
    return this.#relocations;
  }

  /** All notes: of the note sections, or of the note segments in a file without section headers. */
  notes(): readonly ElfNote[] {
    this.#checkSum("notes", (type) => type === SectionType.NOTE);
    const notes: ElfNote[] = [];
    for (const section of this.sections) {
      if (section.type !== SectionType.NOTE) continue;
      for (const note of readNotes(this.data(section), this.endian, section.alignment, section))
        notes.push(note);
    }
    if (this.sections.length > 0) return notes;
    let left = this.bytes.length;
    for (const segment of this.segments) {
      if (segment.type !== SegmentType.NOTE) continue;
      left -= segment.fileSize;
      if (left < 0) throw new FormatError("ELF program headers", 0, "note segments overlap each other");
      for (const note of readNotes(this.segmentData(segment), this.endian, segment.alignment, undefined)) {
        notes.push(note);
      }
    }
    return notes;
  }

  #symbolsOfType(type: number): readonly ElfSymbol[] {
    const table = this.sections.find((section) => section.type === type);
    return table === undefined ? [] : this.symbolsOf(table.index);
  }

  #range(what: string, offset: number, size: number): Uint8Array {
    if (offset > this.bytes.length || size > this.bytes.length - offset) {
      throw new FormatError(
        what,
        this.bytes.length,
        `expected ${size} bytes of contents from ${offset} on, the file ends`,
      );
    }
    return this.bytes.subarray(offset, offset + size);
  }

  /** Thousands of tables over the same bytes would make work out of proportion to the file. */
  #checkSum(what: string, has: (type: number) => boolean): void {
    let sum = 0;
    for (const section of this.sections) if (has(section.type)) sum += section.size;
    if (sum > this.bytes.length) {
      throw new FormatError(
        "ELF section headers",
        0,
        `${what} have ${sum} bytes together, the file has ${this.bytes.length}: they overlap`,
      );
    }
  }
}

/** Opens an ELF64 file over its bytes (FormatError, NotSupported for 32-bit files). */
export function openElf(bytes: Uint8Array): ElfFile {
  return new ElfFile(bytes);
}
