import { type Btf, BtfKind } from "../btf/index.ts";
import { BpfMapFlag, BpfMapType } from "../uapi/index.ts";
import { KCONFIG } from "./externs.ts";
import { PLAIN_MAP, type PlacedMap } from "./map-spec.ts";
import type { ObjectFile } from "./object-file.ts";
import type { MapSpec } from "./spec.ts";

/** `BPF_OBJ_NAME_LEN`, with its NUL. */
const NAME_LEN = 16;

/** The kernel takes no larger value: `KMALLOC_MAX_SIZE` and the header of an element are below it. */
const MAX_VALUE_SIZE = 1 << 30;

/** The maps of `.data`, `.rodata` and `.bss` and of sections that go on with a dot, in the order of the file. */
export function readDataMaps(file: ObjectFile, btf: Btf | null, objectName: string): PlacedMap[] {
  const maps: PlacedMap[] = [];
  // `.bss` has no bytes in the file: only the kernel's limit bounds what it may take.
  let budget = MAX_BSS;
  for (const section of file.elf.sections) {
    const role = file.role(section);
    if (role !== "data" && role !== "rodata" && role !== "bss") continue;
    const bytes = file.data(section);
    if (bytes.length === 0) budget -= section.size;
    if (section.size > MAX_VALUE_SIZE || budget < 0) {
      throw file.error(
        { section: section.name },
        `expected data that fits into a map, got ${section.size} bytes`,
      );
    }
    const contents = bytes.length === 0 ? new Uint8Array(section.size) : bytes;
    const spec = dataMap(section.name, contents, role === "rodata", btf, objectName);
    maps.push({ key: section.name, spec, section: section.index, offset: 0, size: section.size });
  }
  return maps;
}

/** Bytes of zeros that one object may ask for: a quarter of a gibibyte. */
const MAX_BSS = 1 << 28;

/** The map of the externs of `.kconfig`; its values are known when it is loaded. */
export function kconfigMap(size: number, btf: Btf | null, objectName: string): MapSpec {
  return dataMap(KCONFIG, new Uint8Array(size), true, btf, objectName);
}

function dataMap(
  section: string,
  contents: Uint8Array,
  readOnly: boolean,
  btf: Btf | null,
  objectName: string,
): MapSpec {
  const datasec = btf?.findByName(section, BtfKind.DATASEC) ?? 0;
  const visible = btf !== null && datasec !== 0 && hasVisibleVariable(btf, datasec);
  return {
    ...PLAIN_MAP,
    name: dataMapName(objectName, section),
    type: BpfMapType.ARRAY,
    keySize: 4,
    valueSize: contents.length,
    maxEntries: 1,
    flags: (readOnly ? BpfMapFlag.RDONLY_PROG : 0) | (visible ? BpfMapFlag.MMAPABLE : 0),
    valueTypeId: datasec,
    contents,
    section,
    freeze: readOnly,
  };
}

/** Only sections with a variable that others may see are for mapping into a process (`map_is_mmapable`). */
function hasVisibleVariable(btf: Btf, datasec: number): boolean {
  for (let i = 0, count = btf.vlen(datasec); i < count; i++) {
    const variable = btf.word(datasec, 3 + 3 * i);
    if (btf.kind(variable) === BtfKind.VAR && btf.word(variable, 3) !== 0) return true;
  }
  return false;
}

/**
 * The name of a data section's map (`internal_map_name`): as much of the object's name as fits before the section's,
 * for which 7 characters are kept even where it is shorter; a section with a name of its own (`.data.mine`) stands
 * alone. Characters that the kernel does not take become `_`.
 */
export function dataMapName(objectName: string, section: string): string {
  const own = Math.min(Math.max(7, section.length), NAME_LEN - 1);
  const prefix = section.includes(".", 1) ? "" : objectName.slice(0, NAME_LEN - 1 - own);
  return (prefix + section.slice(0, own)).replaceAll(/[^A-Za-z0-9_.]/g, "_");
}
