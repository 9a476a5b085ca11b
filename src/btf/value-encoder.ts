import { type Endian, TsbpfError, utf8 } from "../base/index.ts";
import { enumeratorName, enumeratorValue } from "./decode.ts";
import { BtfKind, isComposite, isEnum } from "./kinds.ts";
import { resolveType } from "./lookup.ts";
import type { Btf } from "./model.ts";
import { type BtfValue, isCharacter } from "./values.ts";

const MAX_NESTING = 64;

/** What `encodeValue` takes: what `decodeValue` gives, any number for an integer, bytes for anything, members left out. */
export type BtfValueInput =
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | Uint8Array
  | readonly BtfValueInput[]
  | { readonly [name: string]: BtfValueInput };

/**
 * Writes a value of a type: the opposite of `decodeValue`. Structs take objects (members that are left out stay as
 * `into` has them, else 0), integers and pointers numbers of either sort, enums names or numbers, arrays of `char`
 * strings, arrays lists that are no longer than they, and everything takes its bytes as they are.
 *
 * Returns the bytes: `into`, or new ones of the type's size. TsbpfError, which names the member, for a value that does
 * not fit; FormatError for a type that has no size.
 */
export function encodeValue(
  btf: Btf,
  id: number,
  value: BtfValueInput | BtfValue,
  into?: Uint8Array,
): Uint8Array {
  const size = btf.sizeOf(resolveType(btf, id));
  if (size < 0) throw btf.error(id, "expected a type that has a size");
  const bytes = into ?? new Uint8Array(size);
  new ValueWriter(btf, bytes).write(id, value as BtfValueInput, { offset: 0, path: "value", depth: 0 });
  return bytes;
}

interface Place {
  readonly offset: number;
  readonly path: string;
  readonly depth: number;
}

class ValueWriter {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;

  constructor(btf: Btf, bytes: Uint8Array) {
    this.#btf = btf;
    this.#bytes = bytes;
  }

  write(id: number, value: BtfValueInput, place: Place): void {
    if (value === undefined) return;
    const btf = this.#btf;
    const type = resolveType(btf, id);
    if (place.depth > MAX_NESTING) throw btf.error(type, "types contain themselves");
    const size = btf.sizeOf(type);
    if (size < 0 || place.offset + size > this.#bytes.length) {
      throw new TsbpfError(`${place.path}: expected room for ${size} bytes at offset ${place.offset}`);
    }
    if (value instanceof Uint8Array) {
      if (value.length !== size)
        throw new TsbpfError(`${place.path}: expected ${size} bytes, got ${value.length}`);
      this.#bytes.set(value, place.offset);
      return;
    }
    switch (btf.kind(type)) {
      case BtfKind.INT: {
        const info = btf.intInfo(type);
        this.#bits(
          place.offset * 8 + ((info >>> 16) & 0xff),
          info & 0xff,
          integerOf(value, place.path),
          place.path,
        );
        return;
      }
      case BtfKind.PTR:
        this.#bits(place.offset * 8, btf.pointerSize * 8, integerOf(value, place.path), place.path);
        return;
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        this.#bits(place.offset * 8, size * 8, this.#enumerator(type, value, place.path), place.path);
        return;
      case BtfKind.FLOAT:
        this.#float(type, value, place);
        return;
      case BtfKind.ARRAY:
        this.#array(type, value, place);
        return;
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        this.#members(type, value, place);
        return;
      case BtfKind.DATASEC:
        this.#section(type, value, place);
        return;
      default:
        throw new TsbpfError(`${place.path}: expected a type that has values`);
    }
  }

  #enumerator(type: number, value: BtfValueInput, path: string): bigint {
    const btf = this.#btf;
    if (typeof value !== "string") return integerOf(value, path);
    for (let i = 0, vlen = btf.vlen(type); i < vlen; i++) {
      if (enumeratorName(btf, type, i) === value) return BigInt(enumeratorValue(btf, type, i));
    }
    throw new TsbpfError(`${path}: enum ${btf.name(type)} has no '${value}'`);
  }

  #float(type: number, value: BtfValueInput, { offset, path }: Place): void {
    const size = this.#btf.size(type);
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + offset, size);
    const little = this.#btf.endian === "little";
    if (typeof value !== "number" || (size !== 4 && size !== 8)) {
      throw new TsbpfError(`${path}: expected ${size === 4 || size === 8 ? "a number" : `${size} bytes`}`);
    }
    if (size === 4) view.setFloat32(0, value, little);
    else view.setFloat64(0, value, little);
  }

  #array(type: number, value: BtfValueInput, place: Place): void {
    const btf = this.#btf;
    const element = btf.elementType(type);
    const count = btf.elementCount(type);
    if (typeof value === "string" && isCharacter(btf, resolveType(btf, element))) {
      const text = utf8(value);
      if (text.length > count)
        throw new TsbpfError(`${place.path}: expected at most ${count} bytes, got ${text.length}`);
      this.#bytes.fill(0, place.offset, place.offset + count);
      this.#bytes.set(text, place.offset);
      return;
    }
    if (!Array.isArray(value)) throw new TsbpfError(`${place.path}: expected a list, got ${kindOf(value)}`);
    if (value.length > count)
      throw new TsbpfError(`${place.path}: expected at most ${count} elements, got ${value.length}`);
    const size = btf.sizeOf(element);
    for (const [i, item] of value.entries()) {
      const path = `${place.path}[${i}]`;
      this.write(element, item, { offset: place.offset + i * size, path, depth: place.depth + 1 });
    }
  }

  #members(type: number, value: BtfValueInput, place: Place): void {
    const members = objectOf(value, place.path);
    const unknown = new Set(Object.keys(members));
    this.#memberValues(type, members, place, unknown);
    for (const name of unknown)
      throw new TsbpfError(`${place.path}: ${describe(this.#btf, type)} has no member '${name}'`);
  }

  #memberValues(
    type: number,
    members: { readonly [name: string]: BtfValueInput },
    place: Place,
    unknown: Set<string>,
  ): void {
    const btf = this.#btf;
    if (place.depth > MAX_NESTING) throw btf.error(type, "types contain themselves");
    for (let i = 0, vlen = btf.vlen(type); i < vlen; i++) {
      const member = btf.memberType(type, i);
      const bitOffset = place.offset * 8 + btf.memberBitOffset(type, i);
      const inner = { offset: Math.floor(bitOffset / 8), depth: place.depth + 1 };
      if (btf.memberNameOffset(type, i) === 0) {
        const anonymous = resolveType(btf, member);
        if (isComposite(btf.kind(anonymous))) {
          this.#memberValues(anonymous, members, { ...inner, path: place.path }, unknown);
        }
        continue;
      }
      const name = btf.memberName(type, i);
      if (!Object.hasOwn(members, name)) continue;
      unknown.delete(name);
      const path = `${place.path}.${name}`;
      const bits = btf.memberBitSize(type, i);
      const value = members[name];
      if (bits === 0) this.write(member, value, { ...inner, path });
      else if (value !== undefined) {
        const resolved = resolveType(btf, member);
        const number = isEnum(btf.kind(resolved))
          ? this.#enumerator(resolved, value, path)
          : integerOf(value, path);
        this.#bits(bitOffset, bits, number, path);
      }
    }
  }

  #section(type: number, value: BtfValueInput, place: Place): void {
    const btf = this.#btf;
    const variables = objectOf(value, place.path);
    const unknown = new Set(Object.keys(variables));
    for (let i = 0, vlen = btf.vlen(type); i < vlen; i++) {
      const variable = btf.word(type, 3 + i * 3);
      const name = btf.name(variable);
      if (!unknown.delete(name)) continue;
      const offset = place.offset + btf.word(type, 4 + i * 3);
      this.write(variable, variables[name], { offset, path: name, depth: place.depth + 1 });
    }
    for (const name of unknown) throw new TsbpfError(`${btf.name(type)} has no variable '${name}'`);
  }

  /** Writes an integer of `bits` bits; it may be given signed or unsigned. */
  #bits(bitOffset: number, bits: number, value: bigint, path: string): void {
    const limit = 1n << BigInt(bits);
    if (value >= limit || value < -(limit >> 1n)) {
      throw new TsbpfError(`${path}: expected an integer of ${bits} bits, got ${value}`);
    }
    const start = Math.floor(bitOffset / 8);
    const end = Math.ceil((bitOffset + bits) / 8);
    if (end > this.#bytes.length)
      throw new TsbpfError(`${path}: expected room for ${end - start} bytes at offset ${start}`);
    writeBits(this.#bytes, { start, end, bitOffset, bits }, value, this.#btf.endian);
  }
}

function writeBits(
  bytes: Uint8Array,
  { start, end, bitOffset, bits }: { start: number; end: number; bitOffset: number; bits: number },
  value: bigint,
  endian: Endian,
): void {
  const shift = BigInt(endian === "big" ? end * 8 - bitOffset - bits : bitOffset - start * 8);
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  const wanted = (BigInt.asUintN(bits, value) << shift) & mask;
  for (let i = 0; i < end - start; i++) {
    const at = endian === "big" ? end - 1 - i : start + i;
    const keep = Number(BigInt.asUintN(8, ~(mask >> BigInt(8 * i))));
    bytes[at] = (bytes[at]! & keep) | Number(BigInt.asUintN(8, wanted >> BigInt(8 * i)));
  }
}

function integerOf(value: BtfValueInput, path: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  throw new TsbpfError(`${path}: expected an integer, got ${kindOf(value)}`);
}

function objectOf(value: BtfValueInput, path: string): { readonly [name: string]: BtfValueInput } {
  if (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  ) {
    return value as { readonly [name: string]: BtfValueInput };
  }
  throw new TsbpfError(`${path}: expected an object, got ${kindOf(value)}`);
}

function kindOf(value: BtfValueInput): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "number" ? String(value) : `a ${typeof value}`;
}

function describe(btf: Btf, type: number): string {
  return btf.nameOffset(type) === 0 ? "the struct" : `struct ${btf.name(type)}`;
}
