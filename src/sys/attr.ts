import { type BpfAttrCommand, bpfAttr } from "../uapi/index.ts";

type Layout<C extends BpfAttrCommand> = (typeof bpfAttr)[C];
type Field<C extends BpfAttrCommand> = Layout<C>["fields"][number];

/** The values of a command's member of `union bpf_attr`, by camelCased name; 64-bit fields are `bigint`, names are bytes. */
export type AttrValues<C extends BpfAttrCommand> = {
  [F in Field<C> as F["camel"]]: F["kind"] extends "chars" ? Uint8Array : F["size"] extends 8 ? bigint : number;
};

/** What `encodeAttr` takes: any number for an integer field; fields that are absent are 0. */
export type AttrInput<C extends BpfAttrCommand> = {
  readonly [F in Field<C> as F["camel"]]?: F["kind"] extends "chars"
    ? Uint8Array | undefined
    : F["size"] extends 8
      ? bigint | number | undefined
      : number | undefined;
};

/** Bytes of a command's member of the union: the least a kernel of this version takes without zero-filling. */
export function attrSize(command: BpfAttrCommand): number {
  return bpfAttr[command].size;
}

/** The bytes of `union bpf_attr` for a command. */
export function encodeAttr<C extends BpfAttrCommand>(command: C, values: AttrInput<C>): Uint8Array {
  const layout = bpfAttr[command];
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  const input = values as Readonly<Record<string, number | bigint | Uint8Array | undefined>>;
  for (const field of layout.fields) {
    const value = input[field.camel];
    if (value === undefined) continue;
    if (value instanceof Uint8Array) bytes.set(value.subarray(0, field.size), field.offset);
    else if (field.size === 8) view.setBigUint64(field.offset, BigInt.asUintN(64, BigInt(value)), true);
    else view.setUint32(field.offset, Number(value), true);
  }
  return bytes;
}

/** Reads a command's fields from bytes; what lies past their end is 0. */
export function decodeAttr<C extends BpfAttrCommand>(command: C, bytes: Uint8Array): AttrValues<C> {
  const layout = bpfAttr[command];
  let whole = bytes;
  if (bytes.length < layout.size) {
    whole = new Uint8Array(layout.size);
    whole.set(bytes);
  }
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const values: Record<string, number | bigint | Uint8Array> = {};
  for (const field of layout.fields) {
    if (field.kind === "chars") values[field.camel] = whole.slice(field.offset, field.offset + field.size);
    else if (field.size === 8) values[field.camel] = view.getBigUint64(field.offset, true);
    else if (field.kind === "s32") values[field.camel] = view.getInt32(field.offset, true);
    else values[field.camel] = view.getUint32(field.offset, true);
  }
  return values as AttrValues<C>;
}

/** Offset of a field inside the attribute, for out-fields that a kernel writes back. */
export function attrOffset<C extends BpfAttrCommand>(command: C, camel: Field<C>["camel"]): number {
  for (const field of bpfAttr[command].fields) if (field.camel === camel) return field.offset;
  throw new Error(`no field ${String(camel)} in ${command}`);
}
