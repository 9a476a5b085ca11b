import { ByteReader, ByteWriter, type Endian, FormatError } from "../base/index.ts";
import { BTF_MAGIC } from "./kinds.ts";
import type { Btf } from "./model.ts";

/** `struct bpf_func_info` with the offset as it is in an object file. */
export interface FuncInfo {
  /** Of the function's first instruction in its section, in bytes. */
  readonly insnOffset: number;
  /** Id of the FUNC. */
  readonly typeId: number;
}

/** `struct bpf_line_info` with the offset as it is in an object file. */
export interface LineInfo {
  /** Of the instruction in its section, in bytes. */
  readonly insnOffset: number;
  /** String offset of the file's name. */
  readonly fileOffset: number;
  /** String offset of the source line's text. */
  readonly lineOffset: number;
  readonly line: number;
  readonly column: number;
}

/** `struct bpf_core_relo`. */
export interface CoreRelo {
  /** Of the instruction in its section, in bytes. */
  readonly insnOffset: number;
  /** Id of the local type the access starts from. */
  readonly typeId: number;
  /** String offset of the access: `"0:1:2"`. */
  readonly accessOffset: number;
  /** A `CoreReloKind`. */
  readonly kind: number;
}

/** The records of one ELF section. */
export interface ExtSection<Record> {
  /** String offset of the section's name. */
  readonly nameOffset: number;
  /** Name of the ELF section the records are about. */
  readonly section: string;
  readonly records: readonly Record[];
}

/** A `.BTF.ext` section: what a program's instructions are, by type, source line and CO-RE access. */
export interface BtfExt {
  readonly endian: Endian;
  readonly funcInfo: readonly ExtSection<FuncInfo>[];
  readonly lineInfo: readonly ExtSection<LineInfo>[];
  readonly coreRelos: readonly ExtSection<CoreRelo>[];
}

const WHAT = "BTF.ext";
/** `struct btf_ext_header` up to the line info, and with the CO-RE relocations. */
const HEADER_SIZE_MIN = 24;
const HEADER_SIZE = 32;
const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
const CORE_RELO_SIZE = 16;

/**
 * Reads `.BTF.ext` data of either byte order; `btf` gives the names of the sections. Records longer than we know are
 * read for what we know of them. Throws FormatError naming the part and the offset.
 */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const endian = endianOf(bytes);
  const r = new ByteReader(bytes, { endian, what: `${WHAT} header`, offset: 2 });
  const version = r.u8();
  if (version !== 1) throw new FormatError(r.what, 2, `expected version 1, got ${version}`);
  r.skip(1);
  const headerSize = r.u32();
  if (headerSize < HEADER_SIZE_MIN || headerSize > bytes.length) {
    throw new FormatError(
      r.what,
      4,
      `expected a length from ${HEADER_SIZE_MIN} to ${bytes.length}, got ${headerSize}`,
    );
  }
  const part = (name: string): ByteReader => {
    const start = headerSize + r.u32();
    const size = r.u32();
    if (start > bytes.length || size > bytes.length - start) {
      throw new FormatError(
        r.what,
        r.offset - 8,
        `${name}: expected ${size} bytes at ${start}, the data has ${bytes.length}`,
      );
    }
    return new ByteReader(bytes.subarray(start, start + size), { endian, what: `${WHAT} ${name}` });
  };
  const names = new SectionNames(btf);
  return {
    endian,
    funcInfo: sections(part("func_info"), names, FUNC_INFO_SIZE, (p) => ({
      insnOffset: p.u32(),
      typeId: p.u32(),
    })),
    lineInfo: sections(part("line_info"), names, LINE_INFO_SIZE, (p) => {
      const insnOffset = p.u32();
      const fileOffset = p.u32();
      const lineOffset = p.u32();
      const position = p.u32();
      return { insnOffset, fileOffset, lineOffset, line: position >>> 10, column: position & 0x3ff };
    }),
    coreRelos:
      headerSize < HEADER_SIZE
        ? []
        : sections(part("core_relo"), names, CORE_RELO_SIZE, (p) => ({
            insnOffset: p.u32(),
            typeId: p.u32(),
            accessOffset: p.u32(),
            kind: p.u32(),
          })),
  };
}

/** Names of sections, each decoded once, and together no longer than object files have them. */
class SectionNames {
  readonly #btf: Btf;
  readonly #known = new Map<number, string>();
  #budget = 1 << 24;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const name = this.#btf.string(offset);
    this.#budget -= name.length;
    if (this.#budget < 0) throw new FormatError(WHAT, 0, "names of sections overlap each other");
    this.#known.set(offset, name);
    return name;
  }
}

/** One part: the record size, then for each section its name, the number of records and the records. */
function sections<Record>(
  r: ByteReader,
  names: SectionNames,
  known: number,
  read: (r: ByteReader) => Record,
): ExtSection<Record>[] {
  const result: ExtSection<Record>[] = [];
  if (r.length === 0) return result;
  const recordSize = r.u32();
  if (recordSize < known || recordSize % 4 !== 0) {
    throw new FormatError(
      r.what,
      0,
      `expected a record size of at least ${known}, a multiple of 4, got ${recordSize}`,
    );
  }
  while (r.remaining > 0) {
    const at = r.offset;
    const nameOffset = r.u32();
    const count = r.u32();
    if (count === 0) throw new FormatError(r.what, at + 4, "expected at least one record, got 0");
    if (count > r.remaining / recordSize) {
      throw new FormatError(
        r.what,
        at + 4,
        `expected ${count} records of ${recordSize} bytes, got ${r.remaining} bytes`,
      );
    }
    const records: Record[] = [];
    for (let i = 0; i < count; i++) {
      records.push(read(r));
      r.skip(recordSize - known);
    }
    result.push({ nameOffset, section: names.at(nameOffset), records });
  }
  return result;
}

/** Writes `.BTF.ext` data, in the byte order asked for or that it was read in. */
export function writeBtfExt(ext: BtfExt, options: { readonly endian?: Endian } = {}): Uint8Array {
  const endian = options.endian ?? ext.endian;
  const sizes = [
    partSize(ext.funcInfo, FUNC_INFO_SIZE),
    partSize(ext.lineInfo, LINE_INFO_SIZE),
    partSize(ext.coreRelos, CORE_RELO_SIZE),
  ];
  const total = sizes.reduce((sum, size) => sum + size, HEADER_SIZE);
  const out = new ByteWriter({ endian, capacity: total });
  out.u16(BTF_MAGIC).u8(1).u8(0).u32(HEADER_SIZE);
  let offset = 0;
  for (const size of sizes) {
    out.u32(offset).u32(size);
    offset += size;
  }
  writePart(out, ext.funcInfo, FUNC_INFO_SIZE, (record) => {
    out.u32(record.insnOffset).u32(record.typeId);
  });
  writePart(out, ext.lineInfo, LINE_INFO_SIZE, (record) => {
    out.u32(record.insnOffset).u32(record.fileOffset).u32(record.lineOffset);
    out.u32(((record.line << 10) | (record.column & 0x3ff)) >>> 0);
  });
  writePart(out, ext.coreRelos, CORE_RELO_SIZE, (record) => {
    out.u32(record.insnOffset).u32(record.typeId).u32(record.accessOffset).u32(record.kind);
  });
  return out.finish();
}

function partSize(part: readonly ExtSection<unknown>[], recordSize: number): number {
  if (part.length === 0) return 0;
  return part.reduce((sum, section) => sum + 8 + section.records.length * recordSize, 4);
}

function writePart<Record>(
  out: ByteWriter,
  part: readonly ExtSection<Record>[],
  recordSize: number,
  write: (record: Record) => void,
): void {
  if (part.length === 0) return;
  out.u32(recordSize);
  for (const section of part) {
    out.u32(section.nameOffset).u32(section.records.length);
    for (const record of section.records) write(record);
  }
}

/** The same data with other type ids and string offsets: after its BTF was appended, linked or deduplicated. */
export function mapBtfExt(
  ext: BtfExt,
  map: { id(id: number): number; string(offset: number): number },
): BtfExt {
  const part = <Record>(from: readonly ExtSection<Record>[], change: (record: Record) => Record) =>
    from.map((section) => ({
      nameOffset: map.string(section.nameOffset),
      section: section.section,
      records: section.records.map(change),
    }));
  return {
    endian: ext.endian,
    funcInfo: part(ext.funcInfo, (record) => ({ ...record, typeId: map.id(record.typeId) })),
    lineInfo: part(ext.lineInfo, (record) => ({
      ...record,
      fileOffset: map.string(record.fileOffset),
      lineOffset: map.string(record.lineOffset),
    })),
    coreRelos: part(ext.coreRelos, (record) => ({
      ...record,
      typeId: map.id(record.typeId),
      accessOffset: map.string(record.accessOffset),
    })),
  };
}

function endianOf(bytes: Uint8Array): Endian {
  if (bytes.length >= HEADER_SIZE_MIN) {
    const magic = bytes[0]! | (bytes[1]! << 8);
    if (magic === BTF_MAGIC) return "little";
    if (magic === 0x9feb) return "big";
  }
  throw new FormatError(
    `${WHAT} header`,
    0,
    bytes.length < HEADER_SIZE_MIN
      ? `expected at least ${HEADER_SIZE_MIN} bytes, got ${bytes.length}`
      : `expected the magic number 0xeb9f, got 0x${(bytes[0]! | (bytes[1]! << 8)).toString(16)}`,
  );
}
