import { type Btf, BtfKind } from "../btf/index.ts";
import { BpfMapType } from "../uapi/index.ts";

/** What a map of some type says its keys and values are. */
export interface MapTypes {
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

interface MapSizes {
  readonly mapType: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** Whether the types fit the map: `map_check_btf`, and `array_map_check_btf` for arrays. */
export function fitsTypes(btf: Btf, { keyTypeId, valueTypeId }: MapTypes, map: MapSizes): boolean {
  if (sizeOf(btf, valueTypeId) !== map.valueSize) return false;
  const isArray = map.mapType === BpfMapType.ARRAY || map.mapType === BpfMapType.PERCPU_ARRAY;
  if (keyTypeId === 0) {
    // Only the maps of data sections have values without keys.
    const isSection = btf.kind(valueTypeId) === BtfKind.DATASEC;
    return map.mapType === BpfMapType.ARRAY && map.maxEntries === 1 && isSection;
  }
  if (sizeOf(btf, keyTypeId) !== map.keySize) return false;
  return !isArray || isInt32(btf, keyTypeId);
}

/** Size of a type that can be a value; 0 for all others (`btf_type_id_size`). */
function sizeOf(btf: Btf, id: number): number {
  if (id === 0 || !btf.has(id) || btf.kind(id) === BtfKind.DECL_TAG) return 0;
  return btf.sizeOf(id);
}

function isInt32(btf: Btf, id: number): boolean {
  let type = id;
  for (let depth = 0; depth < 32 && btf.has(type); depth++) {
    const kind = btf.kind(type);
    if (kind === BtfKind.INT) return btf.size(type) === 4;
    if (
      kind !== BtfKind.TYPEDEF &&
      kind !== BtfKind.CONST &&
      kind !== BtfKind.VOLATILE &&
      kind !== BtfKind.TYPE_TAG &&
      kind !== BtfKind.VAR &&
      kind !== BtfKind.RESTRICT
    ) {
      return false;
    }
    type = btf.ref(type);
  }
  return false;
}
