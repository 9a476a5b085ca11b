import { ByteReader, type Endian, FormatError, hexOf, NotSupported } from "../base/index.ts";
import { EHDR_SIZE, PHDR_SIZE, SectionIndex, SectionType, SHDR_SIZE } from "./constants.ts";
import type { ElfHeader, ElfSection, ElfSegment } from "./model.ts";
import { StringTable } from "./strings.ts";

/** A section header before its name is looked up. */
type RawSection = Omit<ElfSection, "name"> & { readonly nameOffset: number };

/** Everything at the front of a file: the header and both tables, checked against the file's size. */
export interface ElfTables {
  readonly header: ElfHeader;
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
}

interface TablePlace {
  readonly offset: number;
  readonly count: number;
  readonly entrySize: number;
}

/** Reads `Elf64_Ehdr`, the section headers with their names, and the program headers. */
export function readTables(bytes: Uint8Array): ElfTables {
  const endian = readIdent(bytes);
  const r = new ByteReader(bytes, { endian, what: "ELF header", offset: 7 });
  const osAbi = r.u8();
  r.seek(16);
  const type = r.u16();
  const machine = r.u16();
  const version = r.u32();
  if (version !== 1) throw new FormatError("ELF header", 20, `expected version 1, got ${version}`);
  const entry = r.u64();
  const segmentOffset = r.size64();
  const sectionOffset = r.size64();
  const flags = r.u32();
  r.skip(2);
  const segmentSize = r.u16();
  let segmentCount = r.u16();
  const sectionSize = r.u16();
  let sectionCount = r.u16();
  let namesIndex = r.u16();

  let raw: RawSection[] = [];
  if (sectionOffset !== 0) {
    // Counts that do not fit in 16 bits are in section 0 (gABI, "e_shnum", "e_shstrndx", "e_phnum").
    const first = rawSections(bytes, endian, {
      offset: sectionOffset,
      count: 1,
      entrySize: sectionSize,
    })[0]!;
    if (sectionCount === 0) sectionCount = first.size;
    if (namesIndex === SectionIndex.XINDEX) namesIndex = first.link;
    if (segmentCount === 0xffff) segmentCount = first.info;
    raw = rawSections(bytes, endian, { offset: sectionOffset, count: sectionCount, entrySize: sectionSize });
  } else if (sectionCount !== 0) {
    throw new FormatError("ELF header", 60, `expected no sections without a table, got ${sectionCount}`);
  }
  return {
    header: { endian, osAbi, type, machine, entry, flags },
    sections: nameSections(bytes, raw, namesIndex),
    segments: readSegments(bytes, endian, {
      offset: segmentOffset,
      count: segmentCount,
      entrySize: segmentSize,
    }),
  };
}

/** Whether the bytes begin with ELF's magic number. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** `e_ident`: magic, class, byte order. */
function readIdent(bytes: Uint8Array): Endian {
  const what = "ELF header";
  if (!isElf(bytes)) {
    const got = bytes.length === 0 ? "an empty file" : hexOf(bytes.subarray(0, 4));
    throw new FormatError(what, 0, `expected the magic 7f454c46, got ${got}`);
  }
  if (bytes[4] === 1) throw new NotSupported("32-bit ELF", { why: "BPF objects are 64-bit" });
  if (bytes.length < EHDR_SIZE) {
    throw new FormatError(what, bytes.length, `expected ${EHDR_SIZE} bytes, got ${bytes.length}`);
  }
  if (bytes[4] !== 2) throw new FormatError(what, 4, `expected class 1 or 2, got ${bytes[4]}`);
  if (bytes[5] !== 1 && bytes[5] !== 2) {
    throw new FormatError(what, 5, `expected data encoding 1 or 2, got ${bytes[5]}`);
  }
  if (bytes[6] !== 1) throw new FormatError(what, 6, `expected version 1, got ${bytes[6]}`);
  return bytes[5] === 1 ? "little" : "big";
}

/** The bytes of a table, after checking its entry size and that the file holds all of it. */
function tableReader(
  bytes: Uint8Array,
  endian: Endian,
  place: TablePlace,
  expected: number,
  what: string,
): ByteReader {
  if (place.entrySize !== expected) {
    throw new FormatError(what, 0, `expected entries of ${expected} bytes, got ${place.entrySize}`);
  }
  if (place.offset > bytes.length || place.count > (bytes.length - place.offset) / expected) {
    throw new FormatError(
      what,
      bytes.length,
      `expected ${place.count} entries of ${expected} bytes from ${place.offset} on, the file ends`,
    );
  }
  return new ByteReader(bytes, { endian, what, offset: place.offset });
}

function rawSections(bytes: Uint8Array, endian: Endian, place: TablePlace): RawSection[] {
  const r = tableReader(bytes, endian, place, SHDR_SIZE, "ELF section headers");
  const sections: RawSection[] = [];
  for (let index = 0; index < place.count; index++) {
    const nameOffset = r.u32();
    const type = r.u32();
    const flags = Number(r.u64() & 0xffff_ffffn);
    sections.push({
      index,
      nameOffset,
      type,
      flags,
      address: r.u64(),
      offset: r.size64(),
      size: r.size64(),
      link: r.u32(),
      info: r.u32(),
      alignment: r.size64(),
      entrySize: r.size64(),
    });
  }
  return sections;
}

function nameSections(bytes: Uint8Array, raw: readonly RawSection[], namesIndex: number): ElfSection[] {
  const names = sectionNames(bytes, raw, namesIndex);
  return raw.map(({ nameOffset, ...section }) => ({
    ...section,
    name: names === undefined ? "" : names.at(nameOffset),
  }));
}

/** `.shstrtab`; `undefined` where the file names no section (`SHN_UNDEF`). */
function sectionNames(
  bytes: Uint8Array,
  raw: readonly RawSection[],
  namesIndex: number,
): StringTable | undefined {
  if (namesIndex === SectionIndex.UNDEF || raw.length === 0) return undefined;
  const section = raw[namesIndex];
  if (section === undefined) {
    throw new FormatError(
      "ELF header",
      62,
      `expected the index of the section names, got ${namesIndex} of ${raw.length} sections`,
    );
  }
  if (section.type !== SectionType.STRTAB) {
    throw new FormatError(
      "ELF section names",
      0,
      `expected a string table, got section type ${section.type}`,
    );
  }
  if (section.offset > bytes.length || section.size > bytes.length - section.offset) {
    throw new FormatError(
      "ELF section names",
      bytes.length,
      `expected ${section.size} bytes from ${section.offset} on, the file ends`,
    );
  }
  return new StringTable(bytes.subarray(section.offset, section.offset + section.size), "ELF section names");
}

function readSegments(bytes: Uint8Array, endian: Endian, place: TablePlace): ElfSegment[] {
  if (place.count === 0) return [];
  const r = tableReader(bytes, endian, place, PHDR_SIZE, "ELF program headers");
  const segments: ElfSegment[] = [];
  for (let index = 0; index < place.count; index++) {
    segments.push({
      index,
      type: r.u32(),
      flags: r.u32(),
      offset: r.size64(),
      virtualAddress: r.u64(),
      physicalAddress: r.u64(),
      fileSize: r.size64(),
      memorySize: r.size64(),
      alignment: r.size64(),
    });
  }
  return segments;
}
