import { type Btf, BtfKind, resolveType } from "../btf/index.ts";
import type { ElfSection } from "../elf/index.ts";
import { BpfMapFlag, BpfMapType, BpfProgType } from "../uapi/index.ts";
import type { ObjectFunctions } from "./functions.ts";
import { PLAIN_MAP, type PlacedMap } from "./map-spec.ts";
import { type ObjectFile, symbolName } from "./object-file.ts";
import { programKind } from "./program-kind.ts";
import type { StructOpsSpec } from "./spec.ts";

/** Reads the variables of `.struct_ops` and `.struct_ops.link`, with or without a `?` before (`init_struct_ops_maps`). */
export function readStructOps(file: ObjectFile, btf: Btf | null, functions: ObjectFunctions): PlacedMap[] {
  return file.sections("structOps").flatMap((section) => {
    const datasec = btf === null ? 0 : btf.findByName(section.name, BtfKind.DATASEC);
    if (btf === null || datasec === 0) {
      throw file.error(
        { section: section.name },
        "expected BTF to describe its variables (clang -g), got none",
      );
    }
    return addMembers(file, btf, section, readVariables(file, btf, section, datasec), functions);
  });
}

function readVariables(file: ObjectFile, btf: Btf, section: ElfSection, datasec: number): PlacedMap[] {
  const data = file.data(section);
  const maps: PlacedMap[] = [];
  for (let i = 0, count = btf.vlen(datasec); i < count; i++) {
    const variable = btf.word(datasec, 3 + 3 * i);
    const offset = btf.word(datasec, 4 + 3 * i);
    const name = btf.name(variable);
    const place = { section: section.name, symbol: name, offset };
    const typeId = resolveType(btf, variable);
    if (
      btf.kind(variable) !== BtfKind.VAR ||
      btf.kind(typeId) !== BtfKind.STRUCT ||
      btf.nameOffset(typeId) === 0
    ) {
      throw file.error(place, "expected a variable of a struct that has a name");
    }
    const size = btf.size(typeId);
    if (offset + size > data.length) {
      throw file.error(place, `expected ${size} bytes inside the section (${data.length} bytes)`);
    }
    maps.push({
      key: name,
      section: section.index,
      offset,
      size,
      spec: {
        ...PLAIN_MAP,
        name,
        type: BpfMapType.STRUCT_OPS,
        keySize: 4,
        valueSize: size,
        maxEntries: 1,
        flags: section.name.endsWith(".link") ? BpfMapFlag.LINK : 0,
        valueTypeId: typeId,
        contents: data.subarray(offset, offset + size),
        autocreate: !section.name.startsWith("?"),
        structOps: { typeId, members: [] },
      },
    });
  }
  return maps;
}

/** Which program each function pointer names (`bpf_object__collect_st_ops_relos`). */
function addMembers(
  file: ObjectFile,
  btf: Btf,
  section: ElfSection,
  maps: readonly PlacedMap[],
  functions: ObjectFunctions,
): PlacedMap[] {
  const members = new Map<PlacedMap, StructOpsSpec["members"][number][]>(maps.map((map) => [map, []]));
  for (const { offset, symbol } of file.relocationsOf(section)) {
    const place = { section: section.name, symbol: symbolName(symbol), offset };
    const map = maps.find((other) => other.offset <= offset && offset < other.offset + other.size);
    if (map === undefined) throw file.error(place, "expected a relocation inside a variable");
    const { typeId } = map.spec.structOps!;
    const inside = offset - map.offset;
    const member = memberAt(btf, typeId, inside * 8);
    if (member < 0 || !isFunctionPointer(btf, btf.memberType(typeId, member))) {
      throw file.error(
        place,
        `expected a function pointer at offset ${inside} of struct ${btf.name(typeId)}`,
      );
    }
    const target =
      symbol?.section === undefined ? undefined : functions.at(symbol.section, Number(symbol.value) / 8);
    if (target === undefined || target.start !== Number(symbol!.value) / 8) {
      throw file.error(place, `member ${btf.memberName(typeId, member)}: expected the name of a program`);
    }
    if (programKind(target.section.name).type !== BpfProgType.STRUCT_OPS) {
      throw file.error(
        place,
        `member ${btf.memberName(typeId, member)}: expected a program of a struct_ops section, got ${target.section.name}`,
      );
    }
    members.get(map)!.push({ name: btf.memberName(typeId, member), offset: inside, program: target.name });
  }
  return maps.map((map) => ({
    ...map,
    spec: { ...map.spec, structOps: { ...map.spec.structOps!, members: members.get(map)! } },
  }));
}

function memberAt(btf: Btf, typeId: number, bitOffset: number): number {
  for (let i = 0, count = btf.vlen(typeId); i < count; i++) {
    if (btf.memberBitOffset(typeId, i) === bitOffset) return i;
  }
  return -1;
}

function isFunctionPointer(btf: Btf, typeId: number): boolean {
  const pointer = resolveType(btf, typeId);
  return (
    btf.kind(pointer) === BtfKind.PTR && btf.kind(resolveType(btf, btf.ref(pointer))) === BtfKind.FUNC_PROTO
  );
}
