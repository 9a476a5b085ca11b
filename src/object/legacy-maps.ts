import { ByteReader } from "../base/index.ts";
import { type Btf, BtfKind, resolveType } from "../btf/index.ts";
import { type ElfSymbol, SymbolBinding, SymbolType } from "../elf/index.ts";
import { isMapOfMaps, PLAIN_MAP, type PlacedMap } from "./map-spec.ts";
import type { ObjectFile } from "./object-file.ts";
import type { MapSpec } from "./spec.ts";

/** `struct bpf_map_def`: type, key_size, value_size, max_entries, map_flags. */
const MAP_DEF_SIZE = 20;
/** Very old ones end before `map_flags`. */
const MAP_DEF_SIZE_MIN = 16;
/** iproute2's `struct bpf_elf_map`, before and after it got `inner_id` and `inner_idx`. */
const ELF_MAP_SIZES: readonly number[] = [28, 36];

/** -1, where iproute2 has an inner map in no slot. */
const NO_SLOT = 0xffff_ffff;

/** What iproute2 says of a map besides. */
interface Iproute2Map {
  readonly id: number;
  readonly innerId: number;
  readonly innerIndex: number;
}

/**
 * Reads the maps of section `maps`, from before BTF: one struct for each symbol, all of the section's size over their
 * number.
 *
 * Structs of 28 and 36 bytes are iproute2's (type, key, value, entries, flags, id, pinning, inner id, inner index).
 * Others are libbpf's, of five numbers; what comes after them must be 0. A map of maps of iproute2 has as prototype
 * and, where its `inner_idx` is not -1, in that slot, the map whose id is its `inner_id`; sections `ID/SLOT` are slots of
 * the program array with this id. Pinning of either kind is by name.
 */
export function readLegacyMaps(file: ObjectFile, btf: Btf | null): PlacedMap[] {
  const section = file.sections("legacyMaps")[0];
  if (section === undefined || section.size === 0) return [];
  const symbols = file.symbols.filter(
    (symbol) => symbol.section === section && symbol.type !== SymbolType.SECTION,
  );
  const place = { section: section.name };
  const data = file.data(section);
  const size = data.length / symbols.length;
  if (symbols.length === 0 || !Number.isInteger(size)) {
    throw file.error(
      place,
      `expected definitions of one size, got ${symbols.length} symbols in ${data.length} bytes`,
    );
  }
  if (size < MAP_DEF_SIZE_MIN || size % 4 !== 0) {
    throw file.error(place, `expected definitions of at least ${MAP_DEF_SIZE_MIN} bytes, got ${size}`);
  }
  const iproute2 = new Map<PlacedMap, Iproute2Map>();
  const maps = symbols.map((symbol) => {
    const offset = Number(symbol.value);
    const at = { ...place, symbol: symbol.name, offset };
    if (symbol.binding === SymbolBinding.LOCAL)
      throw file.error(at, "expected a global variable, got a static one");
    if (offset + size > data.length)
      throw file.error(at, `expected ${size} bytes inside the section (${data.length} bytes)`);
    const words = readWords(file, data, offset, size);
    const isElfMap = ELF_MAP_SIZES.includes(size);
    const tail = isElfMap ? -1 : words.findIndex((word, i) => i >= MAP_DEF_SIZE / 4 && word !== 0);
    if (tail >= 0)
      throw file.error(
        at,
        `expected 0 after the five attributes of a map, got ${words[tail]} at offset ${tail * 4}`,
      );
    const map: PlacedMap = {
      key: symbol.name,
      spec: specOf(symbol, words, isElfMap, btf),
      section: section.index,
      offset,
      size,
    };
    if (isElfMap)
      iproute2.set(map, { id: words[5]!, innerId: words[7] ?? 0, innerIndex: words[8] ?? NO_SLOT });
    return map;
  });
  return iproute2.size === 0 ? maps : linkIproute2(file, maps, iproute2);
}

function readWords(file: ObjectFile, data: Uint8Array, offset: number, size: number): number[] {
  const reader = new ByteReader(data, { endian: file.endian, what: "section maps", offset });
  return Array.from({ length: size / 4 }, () => reader.u32());
}

function specOf(symbol: ElfSymbol, words: readonly number[], isElfMap: boolean, btf: Btf | null): MapSpec {
  const types = btf === null ? null : keyValueTypes(btf, symbol.name, words[1]!, words[2]!);
  return {
    ...PLAIN_MAP,
    name: symbol.name,
    type: words[0]!,
    keySize: words[1]!,
    valueSize: words[2]!,
    maxEntries: words[3]!,
    flags: words[4] ?? 0,
    pinning: isElfMap && words[6] !== 0 ? 1 : 0,
    keyTypeId: types?.key ?? 0,
    valueTypeId: types?.value ?? 0,
  };
}

/** `BPF_ANNOTATE_KV_PAIR`: a struct `____btf_map_NAME` with the members `key` and `value`. */
function keyValueTypes(
  btf: Btf,
  name: string,
  keySize: number,
  valueSize: number,
): { key: number; value: number } | null {
  const id = btf.findByName(`____btf_map_${name}`, BtfKind.STRUCT);
  if (id === 0 || btf.vlen(id) < 2) return null;
  const key = btf.memberType(id, 0);
  const value = btf.memberType(id, 1);
  const fits =
    btf.sizeOf(resolveType(btf, key)) === keySize && btf.sizeOf(resolveType(btf, value)) === valueSize;
  return fits ? { key, value } : null;
}

/** A section of a program that belongs into a slot of a program array: `1/0`, `0x2a/3`. */
const SLOT_SECTION = /^(0x[0-9a-f]+|\d+)\/(0x[0-9a-f]+|\d+)$/i;

/** Whether a section's name says a slot, as iproute2 has it. */
export function isSlotSection(name: string): boolean {
  return SLOT_SECTION.test(name);
}

function linkIproute2(
  file: ObjectFile,
  maps: readonly PlacedMap[],
  iproute2: ReadonlyMap<PlacedMap, Iproute2Map>,
): PlacedMap[] {
  const sections = file.sections("code").filter((section) => isSlotSection(section.name));
  return maps.map((map) => {
    const own = iproute2.get(map)!;
    if (isMapOfMaps(map.spec.type)) {
      const inner = maps.filter(
        (other) => iproute2.get(other)!.id === own.innerId && !isMapOfMaps(other.spec.type),
      );
      if (inner.length === 0) {
        throw file.error(
          { section: "maps", symbol: map.key },
          `expected a map with the id ${own.innerId} for the inner maps, got none`,
        );
      }
      const slots = inner
        .filter((other) => iproute2.get(other)!.innerIndex !== NO_SLOT)
        .map((other) => ({ index: iproute2.get(other)!.innerIndex, target: other.key }))
        .sort((a, b) => a.index - b.index);
      return {
        ...map,
        spec: { ...map.spec, inner: { ...inner[0]!.spec, name: `${map.key}.inner`, pinning: 0 }, slots },
      };
    }
    const slots: { index: number; target: string }[] = [];
    for (const section of sections) {
      const [, id, index] = SLOT_SECTION.exec(section.name)!;
      if (Number(id) !== own.id || own.id === 0) continue;
      const symbol = file.symbols.find(
        (other) => other.section === section && other.type === SymbolType.FUNC,
      );
      if (symbol !== undefined) slots.push({ index: Number(index), target: symbol.name });
    }
    return slots.length === 0 ? map : { ...map, spec: { ...map.spec, slots } };
  });
}
