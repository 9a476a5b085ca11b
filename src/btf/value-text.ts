import { hex64 } from "../base/index.ts";
import type { JsonWriter } from "./json.ts";
import { BtfKind, IntEncoding, isModifier, MAX_RESOLVE_DEPTH } from "./kinds.ts";
import type { Btf } from "./model.ts";
import { isCharacter, readBits, readUnsigned } from "./values.ts";

const MAX_NESTING = 64;

/**
 * Writes a value as `bpftool map dump` does: `plain` is its form without -j, which is JSON but for pointers and wide
 * integers. Returns false, after what could be written, where bpftool gives up (a value of no size, an
 * integer of no encoding). FormatError where the bytes are fewer than the type's.
 */
export function writeValue(
  btf: Btf,
  id: number,
  bytes: Uint8Array,
  json: JsonWriter,
  options: { readonly plain?: boolean } = {},
): boolean {
  return new ValueWriter(btf, bytes, json, options.plain ?? false).write(id, 0, 0, 0);
}

class ValueWriter {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;
  readonly #json: JsonWriter;
  readonly #plain: boolean;
  #steps: number;

  constructor(btf: Btf, bytes: Uint8Array, json: JsonWriter, plain: boolean) {
    this.#btf = btf;
    this.#bytes = bytes;
    this.#json = json;
    this.#plain = plain;
    this.#steps = 10_000 + 64 * bytes.length;
  }

  write(id: number, offset: number, bitOffset: number, depth: number): boolean {
    const btf = this.#btf;
    const json = this.#json;
    if (depth > MAX_NESTING || --this.#steps < 0) {
      throw btf.error(id, "expected a value that ends, got types that contain themselves");
    }
    switch (btf.kind(id)) {
      case BtfKind.INT:
        return this.#int(id, offset, bitOffset);
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        return this.#struct(id, offset, depth);
      case BtfKind.ARRAY:
        return this.#array(id, offset, depth);
      case BtfKind.ENUM:
        return this.#enum(id, offset);
      case BtfKind.ENUM64:
        return this.#enum64(id, offset);
      case BtfKind.PTR:
        this.#pointer(id, offset);
        return true;
      case BtfKind.VOID:
        json.raw("(unknown)");
        return true;
      case BtfKind.FWD:
        json.raw("(fwd-kind-invalid)");
        return false;
      case BtfKind.TYPEDEF:
      case BtfKind.VOLATILE:
      case BtfKind.CONST:
      case BtfKind.RESTRICT: {
        const target = this.#target(id);
        return target !== 0 && this.write(target, offset, bitOffset, depth + 1);
      }
      case BtfKind.VAR: {
        json.startObject().name(btf.name(id));
        const written = this.write(btf.ref(id), offset, bitOffset, depth + 1);
        json.endObject();
        return written;
      }
      case BtfKind.DATASEC:
        return this.#section(id, offset, depth);
      default:
        json.raw("(unsupported-kind)");
        return false;
    }
  }

  /** What typedefs and modifiers stand for; 0 for void and for chains that are too long. */
  #target(id: number): number {
    const btf = this.#btf;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const kind = btf.kind(id);
      if (!isModifier(kind) && kind !== BtfKind.TYPEDEF && kind !== BtfKind.VAR) return id;
      id = btf.ref(id);
    }
    return 0;
  }

  #int(id: number, offset: number, bitOffset: number): boolean {
    const btf = this.#btf;
    const json = this.#json;
    const info = btf.intInfo(id);
    const bits = info & 0xff;
    const start = (info >>> 16) & 0xff;
    const encoding = (info >>> 24) & 0xf;
    const whole = bits === 8 || bits === 16 || bits === 32 || bits === 64;
    if (bitOffset !== 0 || start !== 0 || bits % 8 !== 0 || (encoding <= 1 && !whole)) {
      this.#wide(this.#bits(id, offset * 8 + bitOffset + start, bits));
      return true;
    }
    this.#need(id, offset, Math.max(1, bits / 8));
    if (encoding === IntEncoding.CHAR) {
      const byte = this.#bytes[offset]!;
      const hex = byte.toString(16);
      if (byte >= 0x20 && byte < 0x7f) json.raw(`"${String.fromCharCode(byte)}"`);
      else json.raw(this.#plain ? `0x${hex}` : `"\\u00${hex.padStart(2, "0")}"`);
      return true;
    }
    if (encoding === IntEncoding.BOOL) {
      json.boolean(this.#bytes[offset] !== 0);
      return true;
    }
    if (encoding > 1) return false;
    const value = readUnsigned(this.#bytes, offset, bits / 8, btf.endian);
    json.number(encoding === IntEncoding.SIGNED ? BigInt.asIntN(bits, value) : value);
    return true;
  }

  #struct(id: number, offset: number, depth: number): boolean {
    const btf = this.#btf;
    const json = this.#json;
    this.#need(id, offset, btf.size(id));
    json.startObject();
    let written = true;
    for (let i = 0, vlen = btf.vlen(id); written && i < vlen; i++) {
      const start = btf.memberBitOffset(id, i);
      const bits = btf.memberBitSize(id, i);
      json.name(btf.memberName(id, i));
      if (bits !== 0) this.#wide(this.#bits(id, offset * 8 + start, bits));
      else written = this.write(btf.memberType(id, i), offset + (start >>> 3), start & 7, depth + 1);
    }
    json.endObject();
    return written;
  }

  #array(id: number, offset: number, depth: number): boolean {
    const btf = this.#btf;
    const json = this.#json;
    const count = btf.elementCount(id);
    const element = btf.elementType(id);
    const text = this.#text(element, offset, count);
    if (text !== null) {
      json.string(text);
      return true;
    }
    const size = btf.sizeOf(element);
    if (size < 0) return false;
    this.#need(id, offset, count * size);
    json.startArray();
    let written = true;
    // Elements of no size would be as many as the type says, out of no bytes.
    for (let i = 0; written && size > 0 && i < count; i++) {
      written = this.write(element, offset + i * size, 0, depth + 1);
    }
    json.endArray();
    return written;
  }

  /** The text in an array of `char` that is printable up to a NUL; a typedef of `char` is no text. */
  #text(element: number, offset: number, count: number): string | null {
    const btf = this.#btf;
    let type = element;
    for (let hops = 0; isModifier(btf.kind(type)); hops++) {
      if (hops === MAX_RESOLVE_DEPTH) return null;
      type = btf.ref(type);
    }
    if (!isCharacter(btf, type)) return null;
    this.#need(element, offset, count);
    let text = "";
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[offset + i]!;
      if (byte === 0) return text;
      if (byte <= 0x1f || byte >= 0x7f) return null;
      text += String.fromCharCode(byte);
    }
    return null;
  }

  #enum(id: number, offset: number): boolean {
    const btf = this.#btf;
    const size = btf.size(id);
    if (size !== 1 && size !== 2 && size !== 4 && size !== 8) return false;
    this.#need(id, offset, size);
    // bpftool takes both the value and the enumerators as signed.
    const value = BigInt.asIntN(size * 8, readUnsigned(this.#bytes, offset, size, btf.endian));
    for (let i = 0, vlen = btf.vlen(id); i < vlen; i++) {
      if (BigInt(btf.word(id, 4 + i * 2) | 0) !== value) continue;
      this.#json.string(btf.string(btf.word(id, 3 + i * 2)));
      return true;
    }
    this.#json.number(value);
    return true;
  }

  #enum64(id: number, offset: number): boolean {
    const btf = this.#btf;
    this.#need(id, offset, 8);
    const value = readUnsigned(this.#bytes, offset, 8, btf.endian);
    const low = Number(value & 0xffff_ffffn);
    const high = Number(value >> 32n);
    for (let i = 0, vlen = btf.vlen(id); i < vlen; i++) {
      if (btf.word(id, 4 + i * 3) !== low || btf.word(id, 5 + i * 3) !== high) continue;
      this.#json.string(btf.string(btf.word(id, 3 + i * 3)));
      return true;
    }
    this.#json.number(BigInt.asIntN(64, value));
    return true;
  }

  #pointer(id: number, offset: number): void {
    const size = this.#btf.pointerSize;
    this.#need(id, offset, size);
    const value = readUnsigned(this.#bytes, offset, size, this.#btf.endian);
    if (this.#plain) this.#json.raw(value === 0n ? '"(nil)"' : `"${hex64(value)}"`);
    else this.#json.number(value);
  }

  #section(id: number, offset: number, depth: number): boolean {
    const btf = this.#btf;
    const json = this.#json;
    json.startObject().name(btf.name(id)).startArray();
    let written = true;
    for (let i = 0, vlen = btf.vlen(id); written && i < vlen; i++) {
      const at = offset + btf.word(id, 4 + i * 3);
      written = this.write(btf.word(id, 3 + i * 3), at, 0, depth + 1);
    }
    json.endArray().endObject();
    return written;
  }

  #bits(id: number, bitOffset: number, bits: number): bigint {
    const start = Math.floor(bitOffset / 8);
    this.#need(id, start, Math.ceil((bitOffset + bits) / 8) - start);
    if (--this.#steps < 0) throw this.#btf.error(id, "expected a value that ends");
    return readBits(this.#bytes, bitOffset, bits, this.#btf.endian);
  }

  /** Bit fields, and integers of unusual widths, are written in hexadecimal. */
  #wide(value: bigint): void {
    const hex = `0x${value.toString(16)}`;
    this.#json.raw(this.#plain ? hex : `"${hex}"`);
  }

  #need(id: number, offset: number, size: number): void {
    if (offset + size <= this.#bytes.length) return;
    throw this.#btf.error(
      id,
      `expected ${size} bytes at offset ${offset} of the value, got ${Math.max(0, this.#bytes.length - offset)}`,
    );
  }
}
