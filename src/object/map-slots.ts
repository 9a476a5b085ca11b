import { type Btf, BtfKind, resolveType } from "../btf/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { ObjectFunctions } from "./functions.ts";
import { isMapOfMaps, type PlacedMap } from "./map-spec.ts";
import { type ObjectFile, symbolName } from "./object-file.ts";

const POINTER_SIZE = 8;

/**
 * Reads the initial values of maps of maps and program arrays in `.maps`: relocations of their `values`
 * (`bpf_object__collect_map_relos`). Gives the maps again, with their slots.
 */
export function readMapSlots(
  file: ObjectFile,
  btf: Btf | null,
  maps: readonly PlacedMap[],
  functions: ObjectFunctions,
): PlacedMap[] {
  const section = file.sections("maps")[0];
  const relocations = section === undefined ? [] : file.relocationsOf(section);
  if (section === undefined || btf === null || relocations.length === 0) return [...maps];
  const slots = new Map<PlacedMap, { index: number; target: string }[]>();
  for (const { offset, symbol } of relocations) {
    const place = { section: section.name, symbol: symbolName(symbol), offset };
    // Maps are in order of their offsets.
    const map = lastAt(maps, offset);
    if (map === undefined || offset + POINTER_SIZE > map.offset + map.size || symbol === undefined) {
      throw file.error(place, "expected a relocation inside a map's definition");
    }
    const ofMaps = isMapOfMaps(map.spec.type);
    if (!ofMaps && map.spec.type !== BpfMapType.PROG_ARRAY) {
      throw file.error(place, `map ${map.key}: expected a map of maps or a program array`);
    }
    if (map.spec.type === BpfMapType.HASH_OF_MAPS && map.spec.keySize !== 4) {
      throw file.error(place, `map ${map.key}: expected keys of 4 bytes, got ${map.spec.keySize}`);
    }
    let target: string;
    if (ofMaps) {
      const found = symbol.section === section ? maps.find((other) => other.key === symbol.name) : undefined;
      if (found === undefined) throw file.error(place, "expected the name of a map in .maps");
      target = found.key;
    } else {
      const slot = Number(symbol.value) / 8;
      const found = symbol.section === undefined ? undefined : functions.at(symbol.section, slot);
      if (found === undefined || found.subprogram || found.start !== slot) {
        throw file.error(place, "expected the name of a program, not of a subprogram");
      }
      target = found.name;
    }
    const values = valuesOffset(btf, map);
    const index = (offset - map.offset - values) / POINTER_SIZE;
    if (values < 0 || index < 0 || !Number.isInteger(index)) {
      throw file.error(place, `map ${map.key}: expected a relocation of an element of 'values'`);
    }
    const list = slots.get(map);
    if (list === undefined) slots.set(map, [{ index, target }]);
    else list.push({ index, target });
  }
  return maps.map((map) => {
    const own = slots.get(map);
    if (own === undefined) return map;
    // A later relocation of the same slot wins.
    const byIndex = new Map(own.map((slot) => [slot.index, slot]));
    return { ...map, spec: { ...map.spec, slots: [...byIndex.values()].sort((a, b) => a.index - b.index) } };
  });
}

/** Offset of the last member in a definition where it is `values`, else -1. */
function valuesOffset(btf: Btf, map: PlacedMap): number {
  const variable = btf.findAllByName(map.key).find((id) => btf.kind(id) === BtfKind.VAR);
  const type = variable === undefined ? 0 : resolveType(btf, variable);
  const last = btf.vlen(type) - 1;
  if (btf.kind(type) !== BtfKind.STRUCT || last < 0 || btf.memberName(type, last) !== "values") return -1;
  return btf.memberBitOffset(type, last) / 8;
}

function lastAt(maps: readonly PlacedMap[], offset: number): PlacedMap | undefined {
  let low = 0;
  let high = maps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (maps[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return maps[low - 1];
}
