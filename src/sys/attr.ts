import { type BpfAttrCommand, bpfAttr } from "../uapi/index.ts";
import { decodeStruct, encodeStruct, type StructInput, type StructValues } from "./struct.ts";

type AttrLayout<C extends BpfAttrCommand> = (typeof bpfAttr)[C];

/** The values of a command's member of `union bpf_attr`. */
export type AttrValues<C extends BpfAttrCommand> = StructValues<AttrLayout<C>>;

/** What a command is given: fields that are absent are 0. */
export type AttrInput<C extends BpfAttrCommand> = StructInput<AttrLayout<C>>;

/** The name of a field of a command's member. */
export type AttrField<C extends BpfAttrCommand> = AttrLayout<C>["fields"][number]["camel"];

/** Bytes of a command's member of the union: the least a kernel of this version takes without zero-filling. */
export function attrSize(command: BpfAttrCommand): number {
  return bpfAttr[command].size;
}

/** The bytes of `union bpf_attr` for a command. */
export function encodeAttr<C extends BpfAttrCommand>(command: C, values: AttrInput<C>): Uint8Array {
  return encodeStruct<AttrLayout<C>>(bpfAttr[command], values);
}

/** Reads a command's fields from bytes; what lies past their end is 0. */
export function decodeAttr<C extends BpfAttrCommand>(command: C, bytes: Uint8Array): AttrValues<C> {
  return decodeStruct<AttrLayout<C>>(bpfAttr[command], bytes);
}

const OFFSETS: Readonly<Record<string, ReadonlyMap<string, number>>> = Object.fromEntries(
  Object.entries(bpfAttr).map(([command, { fields }]) => [
    command,
    new Map(fields.map(({ camel, offset }) => [camel, offset])),
  ]),
);

/** Offset of a field inside the attribute, for out-fields that a kernel writes back. */
export function attrOffset<C extends BpfAttrCommand>(command: C, camel: AttrField<C>): number {
  return OFFSETS[command]!.get(camel)!;
}
