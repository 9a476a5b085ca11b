import { type Btf, BtfKind, enumeratorValue, isEnum, KIND_NAMES, resolveType } from "../btf/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { ObjectError } from "./error.ts";
import { isMapOfMaps, PLAIN_MAP, type PlacedMap, ringSize } from "./map-spec.ts";
import type { ObjectFile } from "./object-file.ts";
import type { MapSpec } from "./spec.ts";

const GLOBAL = 1;
const LINKAGES = ["static", "global", "extern"];

/** `LIBBPF_PIN_BY_NAME` */
const PIN_BY_NAME = 1;

/** Every attribute that a definition may have. */
type Draft = { -readonly [K in keyof MapSpec]: MapSpec[K] };

export interface MapDefinitionOptions {
  /** Attributes that nobody knows are no error (`relaxed_maps` of libbpf). */
  readonly relaxed: boolean;
}

/**
 * Reads the maps of section `.maps`: each variable's type says what its map is (`parse_btf_map_def`), its contents
 * nothing.
 */
export function readMapDefinitions(
  file: ObjectFile,
  btf: Btf | null,
  options: MapDefinitionOptions,
): PlacedMap[] {
  const section = file.sections("maps")[0];
  if (section === undefined) return [];
  const datasec = btf === null ? 0 : btf.findByName(section.name, BtfKind.DATASEC);
  if (btf === null || datasec === 0) {
    throw file.error({ section: section.name }, "expected BTF to describe the maps (clang -g), got none");
  }
  const maps: PlacedMap[] = [];
  for (let i = 0, count = btf.vlen(datasec); i < count; i++) {
    const variable = btf.word(datasec, 3 + 3 * i);
    const offset = btf.word(datasec, 4 + 3 * i);
    const size = btf.word(datasec, 5 + 3 * i);
    const name = btf.name(variable);
    const fail = (problem: string): ObjectError =>
      file.error({ section: section.name, symbol: name || `#${i}`, offset }, problem);
    if (btf.kind(variable) !== BtfKind.VAR) throw fail(`expected a VAR, got ${kindName(btf, variable)}`);
    if (name === "") throw fail("expected a map to have a name");
    if (offset + size > section.size) {
      throw fail(`expected ${size} bytes inside the section (${section.size} bytes)`);
    }
    const linkage = btf.word(variable, 3);
    if (linkage !== GLOBAL)
      throw fail(`expected a global variable, got a ${LINKAGES[linkage] ?? "strange"} one`);
    const type = resolveType(btf, variable);
    if (btf.kind(type) !== BtfKind.STRUCT) throw fail(`expected a struct, got ${kindName(btf, type)}`);
    if (btf.size(type) > size) throw fail(`expected a definition of ${btf.size(type)} bytes, got ${size}`);
    const spec = mapDefinition(btf, type, name, options, fail);
    maps.push({ key: name, spec, section: section.index, offset, size });
  }
  return maps;
}

/** What a struct says of the map that a variable of it declares. */
export function mapDefinition(
  btf: Btf,
  type: number,
  name: string,
  options: MapDefinitionOptions,
  fail: (problem: string) => ObjectError,
): MapSpec {
  return new Definition(btf, name, options, fail).read(type, null);
}

/** One struct that defines a map, and the one inside it. */
class Definition {
  readonly #btf: Btf;
  readonly #name: string;
  readonly #options: MapDefinitionOptions;
  readonly #fail: (problem: string) => ObjectError;

  constructor(btf: Btf, name: string, options: MapDefinitionOptions, fail: (problem: string) => ObjectError) {
    this.#btf = btf;
    this.#name = name;
    this.#options = options;
    this.#fail = fail;
  }

  /** `outer`: the map whose inner map this struct defines. */
  read(type: number, outer: string | null): MapSpec {
    const btf = this.#btf;
    const name = outer === null ? this.#name : `${outer}.inner`;
    const draft: Draft = { ...PLAIN_MAP, name, type: BpfMapType.UNSPEC };
    for (let i = 0, count = btf.vlen(type); i < count; i++) {
      const attribute = btf.memberName(type, i);
      const member = btf.memberType(type, i);
      const fail = (problem: string): ObjectError =>
        this.#fail(`${outer === null ? "" : "inner map: "}attribute '${attribute}': ${problem}`);
      switch (attribute) {
        case "type":
          draft.type = this.#number(member, fail);
          break;
        case "max_entries":
          draft.maxEntries = this.#number(member, fail);
          break;
        case "map_flags":
          draft.flags = this.#number(member, fail);
          break;
        case "numa_node":
          draft.numaNode = this.#number(member, fail);
          break;
        case "key_size":
          draft.keySize = agreed(draft.keySize, this.#number(member, fail), fail);
          break;
        case "value_size":
          draft.valueSize = agreed(draft.valueSize, this.#number(member, fail), fail);
          break;
        case "key":
          draft.keyTypeId = this.#pointee(member, fail);
          draft.keySize = agreed(draft.keySize, this.#sizeOf(draft.keyTypeId, fail), fail);
          break;
        case "value":
          draft.valueTypeId = this.#pointee(member, fail);
          draft.valueSize = agreed(draft.valueSize, this.#sizeOf(draft.valueTypeId, fail), fail);
          break;
        case "values":
          if (outer !== null) throw fail("maps nest only two levels deep");
          if (i !== count - 1) throw fail("expected it to be the last");
          this.#values(draft, member, fail);
          break;
        case "pinning":
          if (outer !== null) throw fail("an inner map cannot be pinned");
          draft.pinning = this.#number(member, fail);
          if (draft.pinning > PIN_BY_NAME) throw fail(`expected 0 or 1 (by name), got ${draft.pinning}`);
          break;
        case "map_extra":
          draft.mapExtra = this.#long(member, fail);
          break;
        default:
          if (!this.#options.relaxed) throw fail("no such attribute of a map");
      }
    }
    if (draft.type === BpfMapType.UNSPEC) {
      throw this.#fail(`${outer === null ? "" : "inner map: "}expected the attribute 'type', got none`);
    }
    if (draft.type === BpfMapType.RINGBUF || draft.type === BpfMapType.USER_RINGBUF) {
      draft.maxEntries = ringSize(draft.maxEntries);
    }
    return draft;
  }

  /** `__uint(NAME, N)`: `int (*NAME)[N]`. */
  #number(member: number, fail: (problem: string) => ObjectError): number {
    const btf = this.#btf;
    const pointer = resolveType(btf, member);
    if (btf.kind(pointer) !== BtfKind.PTR) throw fail(`expected a pointer, got ${kindName(btf, pointer)}`);
    const array = btf.ref(pointer);
    if (btf.kind(array) !== BtfKind.ARRAY)
      throw fail(`expected a pointer to an array, got ${kindName(btf, array)}`);
    return btf.elementCount(array);
  }

  /** `__ulong(NAME, N)`: an enum with one value; or as `#number`. */
  #long(member: number, fail: (problem: string) => ObjectError): bigint {
    const btf = this.#btf;
    const type = resolveType(btf, member);
    if (btf.kind(type) === BtfKind.PTR) return BigInt(this.#number(member, fail));
    if (!isEnum(btf.kind(type)) || btf.vlen(type) !== 1) {
      throw fail(`expected an enum with one value, got ${kindName(btf, type)}`);
    }
    return BigInt.asUintN(64, BigInt(enumeratorValue(btf, type, 0)));
  }

  /** `__type(NAME, TYPE)`: `TYPE *NAME`. */
  #pointee(member: number, fail: (problem: string) => ObjectError): number {
    const btf = this.#btf;
    if (btf.kind(member) !== BtfKind.PTR) throw fail(`expected a pointer, got ${kindName(btf, member)}`);
    return btf.ref(member);
  }

  #sizeOf(type: number, fail: (problem: string) => ObjectError): number {
    const size = this.#btf.sizeOf(type);
    if (size < 0) throw fail(`expected a type that has a size, got ${kindName(this.#btf, type)}`);
    return size;
  }

  /** `__array(values, TYPE)`: what the slots of a map of maps or a program array are. */
  #values(draft: Draft, member: number, fail: (problem: string) => ObjectError): void {
    const btf = this.#btf;
    const ofMaps = isMapOfMaps(draft.type);
    if (!ofMaps && draft.type !== BpfMapType.PROG_ARRAY)
      throw fail("expected a map of maps or a program array");
    draft.valueSize = agreed(draft.valueSize, 4, fail);
    if (btf.kind(member) !== BtfKind.ARRAY || btf.elementCount(member) !== 0) {
      throw fail("expected an array without a size");
    }
    const pointer = resolveType(btf, btf.elementType(member));
    if (btf.kind(pointer) !== BtfKind.PTR) throw fail(`expected pointers, got ${kindName(btf, pointer)}`);
    const target = resolveType(btf, btf.ref(pointer));
    const wanted = ofMaps ? BtfKind.STRUCT : BtfKind.FUNC_PROTO;
    if (btf.kind(target) !== wanted) {
      throw fail(`expected pointers to ${KIND_NAMES[wanted]}, got ${kindName(btf, target)}`);
    }
    if (ofMaps) draft.inner = this.read(target, draft.name);
  }
}

function agreed(before: number, now: number, fail: (problem: string) => ObjectError): number {
  if (before !== 0 && before !== now) throw fail(`expected the size said before, ${before}, got ${now}`);
  return now;
}

function kindName(btf: Btf, id: number): string {
  return id === 0 ? "void" : (KIND_NAMES[btf.kind(id)] ?? "?");
}
