import type { Layout } from "../uapi/index.ts";

type Field<L extends Layout> = L["fields"][number];
type ValueOf<F> = F extends { readonly kind: "chars" | "bytes" } | { readonly count: number }
  ? Uint8Array
  : F extends { readonly bits: object }
    ? number
    : F extends { readonly size: 8 }
      ? bigint
      : number;

/** The fields of a struct by camelCased name: 64-bit ones are `bigint`, names and arrays are bytes. */
export type StructValues<L extends Layout> = { [F in Field<L> as F["camel"]]: ValueOf<F> };

/** What `encodeStruct` takes: any number for an integer; fields that are absent are 0. */
export type StructInput<L extends Layout> = {
  readonly [F in Field<L> as F["camel"]]?:
    | (ValueOf<F> extends bigint ? bigint | number : ValueOf<F>)
    | undefined;
};

/** The bytes of a struct of the uapi, little-endian. */
export function encodeStruct<L extends Layout>(layout: L, values: StructInput<L>): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  writeStruct(layout, bytes, values);
  return bytes;
}

/** Writes fields into the bytes of a struct, leaving the others as they are. Fields past the end are left out. */
export function writeStruct<L extends Layout>(layout: L, bytes: Uint8Array, values: StructInput<L>): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const input = values as Readonly<Record<string, number | bigint | Uint8Array | undefined>>;
  for (const field of layout.fields) {
    const value = input[field.camel];
    if (value === undefined || field.offset + field.size > bytes.length) continue;
    const { offset } = field;
    if (value instanceof Uint8Array) {
      bytes.fill(0, offset, offset + field.size);
      bytes.set(value.subarray(0, field.size), offset);
    } else if (field.bits !== undefined) {
      const { at, shift, mask } = bitPlace(offset, field.bits);
      const bits = (Number(value) & mask) << shift;
      view.setUint32(at, (view.getUint32(at, true) & ~(mask << shift)) | bits, true);
    } else if (field.size === 8) view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    else if (field.size === 4) view.setUint32(offset, Number(value), true);
    else if (field.size === 2) view.setUint16(offset, Number(value), true);
    else view.setUint8(offset, Number(value));
  }
}

/** Reads all fields of a struct; what lies past the end of the bytes is 0. */
export function decodeStruct<L extends Layout>(layout: L, bytes: Uint8Array): StructValues<L> {
  let whole = bytes;
  if (bytes.length < layout.size) {
    whole = new Uint8Array(layout.size);
    whole.set(bytes);
  }
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const values: Record<string, number | bigint | Uint8Array> = {};
  for (const { camel, offset, size, kind, count, bits } of layout.fields) {
    if (kind === "chars" || kind === "bytes" || count !== undefined)
      values[camel] = whole.slice(offset, offset + size);
    else if (bits !== undefined) {
      const { at, shift, mask } = bitPlace(offset, bits);
      values[camel] = (view.getUint32(at, true) >>> shift) & mask;
    } else if (size === 8) values[camel] = view.getBigUint64(offset, true);
    else if (size === 4)
      values[camel] = kind === "s32" ? view.getInt32(offset, true) : view.getUint32(offset, true);
    else if (size === 2) values[camel] = view.getUint16(offset, true);
    else values[camel] = view.getUint8(offset);
  }
  return values as StructValues<L>;
}

/** The word of 32 bits that a bit field is in: none of those that there are crosses from one to the next. */
function bitPlace(
  offset: number,
  { bitOffset, bitSize }: { readonly bitOffset: number; readonly bitSize: number },
): { readonly at: number; readonly shift: number; readonly mask: number } {
  return { at: offset + 4 * (bitOffset >>> 5), shift: bitOffset & 31, mask: 2 ** bitSize - 1 };
}
