import type { Endian } from "../base/index.ts";
import { BTF_HEADER_SIZE, BTF_MAGIC } from "./kinds.ts";
import type { Btf } from "./model.ts";

/** The two sections of BTF data. */
export interface BtfSections {
  /** All types' fields, without words for void. */
  readonly words: Uint32Array;
  readonly strings: Uint8Array;
}

/** Writes `struct btf_header`, the types and the strings. */
export function writeSections({ words, strings }: BtfSections, endian: Endian): Uint8Array {
  const typeLength = words.length * 4;
  const bytes = new Uint8Array(BTF_HEADER_SIZE + typeLength + strings.length);
  const view = new DataView(bytes.buffer);
  const little = endian === "little";
  view.setUint16(0, BTF_MAGIC, little);
  view.setUint8(2, 1);
  view.setUint32(4, BTF_HEADER_SIZE, little);
  view.setUint32(12, typeLength, little);
  view.setUint32(16, typeLength, little);
  view.setUint32(20, strings.length, little);
  for (let i = 0; i < words.length; i++) view.setUint32(BTF_HEADER_SIZE + i * 4, words[i]!, little);
  bytes.set(strings, BTF_HEADER_SIZE + typeLength);
  return bytes;
}

/** The types and strings of a BTF as bytes in the byte order asked for; of split BTF, its own part. */
export function writeBtf(btf: Btf, options: { readonly endian?: Endian } = {}): Uint8Array {
  return writeSections(ownSections(btf), options.endian ?? btf.endian);
}

/** What a BTF has beyond its base, as a copy. */
export function ownSections(btf: Btf): BtfSections {
  const { words, index, strings } = btf.tables();
  const start = btf.firstId < btf.count ? index[btf.firstId]! : words.length;
  return {
    words: words.slice(start),
    strings: strings.slice(btf.base === null ? 0 : btf.base.stringEnd),
  };
}
