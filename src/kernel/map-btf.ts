import { type Btf, BtfKind, resolveType } from "../btf/index.ts";
import type { KeyType } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";

/** `struct bpf_cgroup_storage_key` */
const CGROUP_KEY = {
  size: 16,
  fields: [
    { offset: 0, size: 8 },
    { offset: 8, size: 4 },
  ],
} as const;

/** What a map of some type says its keys and values are. */
export interface MapTypes {
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

interface MapSizes {
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/**
 * Whether the types have the sizes of the map's keys and values, the first part of `map_check_btf`. A key may be left out
 * where the map's type says something of keys.
 */
export function fitsSizes(
  btf: Btf,
  { keyTypeId, valueTypeId }: MapTypes,
  map: MapSizes,
  key: KeyType,
): boolean {
  if (sizeOf(btf, valueTypeId) !== map.valueSize) return false;
  return keyTypeId === 0 ? key !== "any" : sizeOf(btf, keyTypeId) === map.keySize;
}

/**
 * What the type of the map says about types that have its sizes, the last part of `map_check_btf` (the types' own
 * `map_check_btf`). Gives 0, or a positive errno: EINVAL, or ENOTSUPP where such maps have no types.
 */
export function keyProblem(btf: Btf, types: MapTypes, map: MapSizes, key: KeyType): number {
  if (key === "none") return Errno.ENOTSUPP;
  return fitsKey(btf, types, map, key) ? 0 : Errno.EINVAL;
}

function fitsKey(btf: Btf, { keyTypeId, valueTypeId }: MapTypes, map: MapSizes, key: KeyType): boolean {
  switch (key) {
    case "int32OrSection":
      // Only the maps of data sections have values without keys.
      if (keyTypeId === 0) return map.maxEntries === 1 && btf.kind(valueTypeId) === BtfKind.DATASEC;
      return isInt(btf, keyTypeId, 4);
    case "int32":
      return isInt(btf, keyTypeId, 4);
    case "struct":
      return btf.kind(resolveType(btf, keyTypeId)) === BtfKind.STRUCT;
    case "cgroup":
      return map.keySize === CGROUP_KEY.size ? isCgroupKey(btf, keyTypeId) : isInt(btf, keyTypeId, 8);
    case "void":
      return keyTypeId === 0;
    default:
      return true;
  }
}

/** A struct of a cgroup's id and an attach type, `struct bpf_cgroup_storage_key`. */
function isCgroupKey(btf: Btf, id: number): boolean {
  const struct = resolveType(btf, id);
  if (btf.kind(struct) !== BtfKind.STRUCT) return false;
  const { fields } = CGROUP_KEY;
  return (
    btf.vlen(struct) === fields.length &&
    fields.every(
      ({ offset, size }, member) =>
        btf.memberBitOffset(struct, member) === offset * 8 &&
        btf.memberBitSize(struct, member) === 0 &&
        isInt(btf, btf.memberType(struct, member), size),
    )
  );
}

/** Size of a type that can be a value; -1 for all others (`btf_type_id_size`). */
function sizeOf(btf: Btf, id: number): number {
  if (id === 0 || !btf.has(id) || btf.kind(id) === BtfKind.DECL_TAG) return -1;
  return btf.sizeOf(id);
}

function isInt(btf: Btf, id: number, size: number): boolean {
  const type = resolveType(btf, id);
  return btf.kind(type) === BtfKind.INT && btf.size(type) === size;
}
