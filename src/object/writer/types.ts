import { Btf, BtfBuilder, BtfKind } from "../../btf/index.ts";
import { BpfMapFlag } from "../../uapi/index.ts";
import { BtfEditor, TypeWord } from "../btf-editor.ts";
import type { MapSpec, ObjectSpec } from "../spec.ts";

const EXTERN = 2;
const MAPS = ".maps";
const POINTER_SIZE = 8;

/** The types of an object as they stand in its file: externs are extern again, and every map has its definition. */
export interface WrittenTypes {
  readonly btf: Btf | null;
  /** The offset in `btf` of a string of the spec's types or line records. */
  string(offset: number): number;
  /** The offset in `btf` of a text that was asked for; -1 where it was not. */
  stringOffset(text: string): number;
}

/**
 * Prepares the types of an object for its file. Type ids stay. Maps that no variable of `.maps` declares (from an object
 * of old, or made by a front end) get one.
 */
export function writeTypes(
  spec: ObjectSpec,
  declared: readonly [key: string, map: MapSpec][],
  texts: Iterable<string>,
): WrittenTypes {
  const source = spec.btf === null ? null : restoreExterns(spec, spec.btf);
  const missing = source !== null && source.findByName(MAPS, BtfKind.DATASEC) !== 0 ? [] : declared;
  if (missing.length === 0 && source === null) return { btf: null, string: () => 0, stringOffset: () => -1 };
  const builder = new BtfBuilder();
  const mapping = source === null ? null : builder.append(source);
  // Strings that only records name are copied while the builder still takes any.
  for (const { lineInfo } of mapping === null ? [] : spec.programs.values()) {
    for (const { fileOffset, lineOffset } of lineInfo) {
      mapping!.string(fileOffset);
      mapping!.string(lineOffset);
    }
  }
  const offsets = new Map([...texts].map((text) => [text, builder.string(text)]));
  const finish = (): WrittenTypes => ({
    btf: Btf.parse(builder.finish({ endian: spec.endian }), { pointerSize: source?.pointerSize ?? 8 }),
    string: (at) => mapping?.string(at) ?? 0,
    stringOffset: (text) => offsets.get(text) ?? -1,
  });
  if (missing.length === 0) return finish();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const variables = [];
  let offset = 0;
  for (const [name, map] of missing) {
    const definition = addDefinition(builder, int, map);
    const type = builder.add({ kind: "VAR", name, type: definition.type, linkage: "global" });
    variables.push({ type, offset, size: definition.size });
    offset += definition.size;
  }
  builder.add({ kind: "DATASEC", name: MAPS, size: offset, variables });
  return finish();
}

/** The struct that says what a map is, and its size with as many values as it has slots. */
function addDefinition(builder: BtfBuilder, int: number, map: MapSpec): { type: number; size: number } {
  const pointerTo = (type: number) => builder.add({ kind: "PTR", type });
  const number = (count: number) =>
    pointerTo(builder.add({ kind: "ARRAY", type: int, indexType: int, count }));
  const members: { name: string; type: number; bitOffset: number; bitSize: number }[] = [];
  const member = (name: string, type: number) => {
    members.push({ name, type, bitOffset: members.length * POINTER_SIZE * 8, bitSize: 0 });
  };
  member("type", number(map.type));
  if (map.keyTypeId !== 0) member("key", pointerTo(map.keyTypeId));
  else if (map.keySize !== 0) member("key_size", number(map.keySize));
  if (map.valueTypeId !== 0) member("value", pointerTo(map.valueTypeId));
  else if (map.valueSize !== 0) member("value_size", number(map.valueSize));
  if (map.maxEntries !== 0) member("max_entries", number(map.maxEntries));
  if (map.flags !== 0) member("map_flags", number(map.flags));
  if (map.numaNode !== null) member("numa_node", number(map.numaNode));
  if (map.pinning !== 0) member("pinning", number(map.pinning));
  if (map.mapExtra !== 0n) {
    const value = { name: "value", value: map.mapExtra };
    member("map_extra", builder.add({ kind: "ENUM64", size: 8, signed: false, values: [value] }));
  }
  let slots = 0;
  if (map.inner !== null || map.slots.length > 0) {
    const target =
      map.inner !== null
        ? addDefinition(builder, int, map.inner).type
        : builder.add({ kind: "FUNC_PROTO", returns: int, params: [] });
    const values = { kind: "ARRAY", type: pointerTo(target), indexType: int, count: 0 } as const;
    member("values", builder.add(values));
    slots = map.slots.reduce((most, slot) => Math.max(most, slot.index + 1), 0);
    const size = (members.length - 1) * POINTER_SIZE;
    return { type: builder.add({ kind: "STRUCT", size, members }), size: size + slots * POINTER_SIZE };
  }
  const size = members.length * POINTER_SIZE;
  return { type: builder.add({ kind: "STRUCT", size, members }), size };
}

/** Undoes what opening an object does to its externs: they are variables of the kernel's only from then on. */
function restoreExterns(spec: ObjectSpec, btf: Btf): Btf {
  if (spec.externs.length === 0) return btf;
  const edit = new BtfEditor(btf);
  const functions: number[] = [];
  const byName = new Map(spec.externs.map((extern) => [extern.name, extern]));
  const ksyms = btf.findByName(".ksyms", BtfKind.DATASEC);
  for (const extern of byName.values()) {
    const kind = extern.kind === "ksymFunction" ? BtfKind.FUNC : BtfKind.VAR;
    const id = btf.findByName(extern.name, kind);
    if (id === 0) continue;
    if (kind === BtfKind.FUNC) {
      edit.set(id, TypeWord.INFO, ((btf.word(id, TypeWord.INFO) & ~0xffff) | EXTERN) >>> 0);
      functions.push(id);
      continue;
    }
    edit.set(id, TypeWord.VAR_LINKAGE, EXTERN);
    if (extern.kind === "ksymVariable") edit.set(id, TypeWord.SIZE_OR_TYPE, extern.typeId);
  }
  // The dummies that stand for functions in their section become functions again.
  for (let i = 0, count = ksyms === 0 ? 0 : btf.vlen(ksyms); i < count; i++) {
    const variable = btf.word(ksyms, 3 + 3 * i);
    if (!byName.has(btf.name(variable)) && functions.length > 0)
      edit.set(ksyms, 3 + 3 * i, functions.shift()!);
  }
  return edit.finish();
}

/** The section that a struct_ops map is declared in. */
export function structOpsSection(map: MapSpec): string {
  const link = map.flags & BpfMapFlag.LINK ? ".link" : "";
  return `${map.autocreate ? "" : "?"}.struct_ops${link}`;
}
