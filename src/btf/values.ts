import { type Endian, textOf } from "../base/index.ts";
import { enumeratorName, enumeratorValue } from "./decode.ts";
import { BtfKind, IntEncoding } from "./kinds.ts";
import { resolveType } from "./lookup.ts";
import type { Btf } from "./model.ts";

/** A value of C as a value of JavaScript. */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | readonly BtfValue[]
  | { readonly [name: string]: BtfValue };

const MAX_NESTING = 64;

/**
 * Reads a value of a type: structs as objects (members of anonymous ones as their container's), integers as `number`
 * up to 32 bits and as `bigint` above, pointers as `bigint`, enums as the name of their value where it has one,
 * arrays of `char` as strings up to their NUL, sections as objects of their variables.
 * FormatError where the bytes are fewer than the type's, or types contain themselves.
 */
export function decodeValue(btf: Btf, id: number, bytes: Uint8Array): BtfValue {
  return new ValueReader(btf, bytes).read(id, 0, 0);
}

/** An unsigned integer of `size` bytes (1 to 16) at an offset. */
export function readUnsigned(bytes: Uint8Array, offset: number, size: number, endian: Endian): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) {
    const at = endian === "big" ? offset + i : offset + size - 1 - i;
    value = (value << 8n) | BigInt(bytes[at]!);
  }
  return value;
}

/** Bits of a bit field, unsigned; `bitOffset` counts from the most significant bit where the machine does. */
export function readBits(bytes: Uint8Array, bitOffset: number, bits: number, endian: Endian): bigint {
  const start = Math.floor(bitOffset / 8);
  const end = Math.ceil((bitOffset + bits) / 8);
  const shift = endian === "big" ? end * 8 - bitOffset - bits : bitOffset - start * 8;
  return BigInt.asUintN(bits, readUnsigned(bytes, start, end - start, endian) >> BigInt(shift));
}

/** True for `char`, `signed char` and what else compilers mark or name so: arrays of it are text. */
export function isCharacter(btf: Btf, id: number): boolean {
  if (btf.kind(id) !== BtfKind.INT || btf.size(id) !== 1) return false;
  return ((btf.intInfo(id) >>> 24) & 0xf) === IntEncoding.CHAR || btf.name(id) === "char";
}

class ValueReader {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;
  /** Members may lie over each other: what bytes can hold bounds what is made of them. */
  #steps: number;

  constructor(btf: Btf, bytes: Uint8Array) {
    this.#btf = btf;
    this.#bytes = bytes;
    this.#steps = 10_000 + 64 * bytes.length;
  }

  read(id: number, offset: number, depth: number): BtfValue {
    const btf = this.#btf;
    const type = resolveType(btf, id);
    if (depth > MAX_NESTING || --this.#steps < 0) {
      throw btf.error(type, "expected a value that ends, got types that contain themselves");
    }
    switch (btf.kind(type)) {
      case BtfKind.INT:
        return this.#int(type, offset);
      case BtfKind.PTR:
        this.#need(type, offset, btf.pointerSize);
        return readUnsigned(this.#bytes, offset, btf.pointerSize, btf.endian);
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        return this.#enum(type, offset);
      case BtfKind.FLOAT:
        return this.#float(type, offset);
      case BtfKind.ARRAY:
        return this.#array(type, offset, depth);
      case BtfKind.STRUCT:
      case BtfKind.UNION: {
        const members: Record<string, BtfValue> = {};
        this.#need(type, offset, btf.size(type));
        this.#members(type, offset, depth, members);
        return members;
      }
      case BtfKind.DATASEC:
        return this.#section(type, offset, depth);
      default:
        return null;
    }
  }

  #int(id: number, offset: number): BtfValue {
    const btf = this.#btf;
    const info = btf.intInfo(id);
    const bits = info & 0xff;
    const start = (info >>> 16) & 0xff;
    this.#need(id, offset, Math.max(btf.size(id), Math.ceil((start + bits) / 8)));
    return integer(readBits(this.#bytes, offset * 8 + start, bits, btf.endian), bits, info >>> 24);
  }

  #enum(id: number, offset: number): BtfValue {
    const btf = this.#btf;
    const size = btf.size(id);
    if (size > 8) throw btf.error(id, `expected an enum of at most 8 bytes, got ${size}`);
    this.#need(id, offset, size);
    return this.#enumerator(id, readUnsigned(this.#bytes, offset, size, btf.endian), size * 8);
  }

  #enumerator(id: number, raw: bigint, bits: number): BtfValue {
    const btf = this.#btf;
    const value = btf.kflag(id) ? BigInt.asIntN(bits, raw) : raw;
    for (let i = 0, vlen = btf.vlen(id); i < vlen; i++) {
      if (BigInt(enumeratorValue(btf, id, i)) === value) return enumeratorName(btf, id, i);
    }
    return bits > 32 ? value : Number(value);
  }

  #float(id: number, offset: number): BtfValue {
    const size = this.#btf.size(id);
    this.#need(id, offset, size);
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + offset, size);
    const little = this.#btf.endian === "little";
    if (size === 4) return view.getFloat32(0, little);
    // Wider and narrower ones have no number of JavaScript.
    return size === 8 ? view.getFloat64(0, little) : null;
  }

  #array(id: number, offset: number, depth: number): BtfValue {
    const btf = this.#btf;
    const element = btf.elementType(id);
    const count = btf.elementCount(id);
    const size = btf.sizeOf(element);
    if (size < 0) throw btf.error(id, "expected elements that have a size");
    this.#need(id, offset, count * size);
    if (isCharacter(btf, resolveType(btf, element))) {
      const text = this.#bytes.subarray(offset, offset + count);
      const end = text.indexOf(0);
      return textOf(end < 0 ? text : text.subarray(0, end));
    }
    const values: BtfValue[] = [];
    // Elements of no size would be as many as the type says, out of no bytes.
    if (size > 0)
      for (let i = 0; i < count; i++) values.push(this.read(element, offset + i * size, depth + 1));
    return values;
  }

  #members(id: number, offset: number, depth: number, into: Record<string, BtfValue>): void {
    const btf = this.#btf;
    for (let i = 0, vlen = btf.vlen(id); i < vlen; i++) {
      const type = btf.memberType(id, i);
      const bitOffset = offset * 8 + btf.memberBitOffset(id, i);
      const bits = btf.memberBitSize(id, i);
      let value: BtfValue;
      if (bits !== 0) {
        this.#need(
          id,
          Math.floor(bitOffset / 8),
          Math.ceil((bitOffset + bits) / 8) - Math.floor(bitOffset / 8),
        );
        value = this.#bitField(resolveType(btf, type), bitOffset, bits);
      } else {
        value = this.read(type, Math.floor(bitOffset / 8), depth + 1);
      }
      if (btf.memberNameOffset(id, i) !== 0) define(into, btf.memberName(id, i), value);
      else if (value !== null && typeof value === "object" && !Array.isArray(value)) {
        for (const [name, inner] of Object.entries(value)) define(into, name, inner);
      }
    }
  }

  #bitField(type: number, bitOffset: number, bits: number): BtfValue {
    const btf = this.#btf;
    if (--this.#steps < 0)
      throw btf.error(type, "expected a value that ends, got types that contain themselves");
    const raw = readBits(this.#bytes, bitOffset, bits, btf.endian);
    const kind = btf.kind(type);
    if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) return this.#enumerator(type, raw, bits);
    return integer(raw, bits, kind === BtfKind.INT ? btf.intInfo(type) >>> 24 : 0);
  }

  #section(id: number, offset: number, depth: number): BtfValue {
    const btf = this.#btf;
    const variables: Record<string, BtfValue> = {};
    for (let i = 0, vlen = btf.vlen(id); i < vlen; i++) {
      const variable = btf.word(id, 3 + i * 3);
      const at = offset + btf.word(id, 4 + i * 3);
      define(variables, btf.name(variable), this.read(variable, at, depth + 1));
    }
    return variables;
  }

  #need(id: number, offset: number, size: number): void {
    if (offset + size <= this.#bytes.length) return;
    throw this.#btf.error(
      id,
      `expected ${size} bytes at offset ${offset} of the value, got ${Math.max(0, this.#bytes.length - offset)}`,
    );
  }
}

function integer(raw: bigint, bits: number, encoding: number): number | bigint | boolean {
  if ((encoding & IntEncoding.BOOL) !== 0) return raw !== 0n;
  const value = (encoding & IntEncoding.SIGNED) !== 0 ? BigInt.asIntN(bits, raw) : raw;
  return bits > 32 ? value : Number(value);
}

/** Sets a property of any name: `__proto__` is one like the others. */
function define(into: Record<string, BtfValue>, name: string, value: BtfValue): void {
  Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
}
