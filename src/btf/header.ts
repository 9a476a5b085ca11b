import { ByteReader, type Endian, FormatError } from "../base/index.ts";
import { BTF_HEADER_SIZE, BTF_MAGIC } from "./kinds.ts";

/** Where the two sections of BTF data are, as offsets from its first byte. */
export interface BtfHeader {
  readonly endian: Endian;
  readonly version: number;
  readonly flags: number;
  readonly typeStart: number;
  readonly typeEnd: number;
  readonly stringStart: number;
  readonly stringEnd: number;
}

/**
 * Reads `struct btf_header`. A longer header than we know is read for what we know of it, as libbpf does.
 * Throws FormatError where the sections are not inside the data.
 */
export function parseHeader(bytes: Uint8Array, what: string): BtfHeader {
  if (bytes.length < BTF_HEADER_SIZE) {
    throw new FormatError(
      what,
      0,
      `expected a header of ${BTF_HEADER_SIZE} bytes, got ${bytes.length} bytes of data`,
    );
  }
  const endian = endianOf(bytes, what);
  const reader = new ByteReader(bytes, { endian, what, offset: 2 });
  const version = reader.u8();
  const flags = reader.u8();
  const length = reader.u32();
  if (version !== 1) throw new FormatError(what, 2, `expected version 1, got ${version}`);
  if (length < BTF_HEADER_SIZE || length > bytes.length) {
    throw new FormatError(
      what,
      4,
      `expected a header length from ${BTF_HEADER_SIZE} to ${bytes.length}, got ${length}`,
    );
  }
  const typeOffset = reader.u32();
  const typeLength = reader.u32();
  const stringOffset = reader.u32();
  const stringLength = reader.u32();
  if (typeOffset % 4 !== 0 || typeLength % 4 !== 0) {
    throw new FormatError(
      what,
      8,
      `expected a type section aligned to 4 bytes, got offset ${typeOffset}, length ${typeLength}`,
    );
  }
  if (length + stringOffset + stringLength > bytes.length) {
    throw new FormatError(
      what,
      16,
      `string section (offset ${stringOffset}, ${stringLength} bytes) ends past the data (${bytes.length - length} bytes after the header)`,
    );
  }
  if (typeOffset + typeLength > stringOffset) {
    throw new FormatError(
      what,
      8,
      `type section (offset ${typeOffset}, ${typeLength} bytes) overlaps the string section (offset ${stringOffset})`,
    );
  }
  return {
    endian,
    version,
    flags,
    typeStart: length + typeOffset,
    typeEnd: length + typeOffset + typeLength,
    stringStart: length + stringOffset,
    stringEnd: length + stringOffset + stringLength,
  };
}

function endianOf(bytes: Uint8Array, what: string): Endian {
  const magic = bytes[0]! | (bytes[1]! << 8);
  if (magic === BTF_MAGIC) return "little";
  if (magic === 0x9feb) return "big";
  throw new FormatError(
    what,
    0,
    `expected the magic number 0xeb9f, got 0x${magic.toString(16).padStart(4, "0")}`,
  );
}
