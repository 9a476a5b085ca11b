import { BpfMapType } from "../uapi/index.ts";

/** Lookups that Linux writes out instead of calling: `map_gen_lookup` of the map type. */
export type InlineLookup =
  | "array"
  | "percpuArray"
  | "arrayOfMaps"
  | "hash"
  | "lruHash"
  | "percpuHash"
  | "hashOfMaps"
  | "xskMap";

/** The kernel functions behind a map type's operations (`struct bpf_map_ops`): what calls on a known map become. */
export interface MapFunctions {
  readonly inlineLookup?: InlineLookup;
  readonly lookup?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly push?: string;
  readonly pop?: string;
  readonly peek?: string;
  readonly redirect?: string;
  readonly forEach?: string;
  readonly lookupPercpu?: string;
}

export type MapOperationName = Exclude<keyof MapFunctions, "inlineLookup">;

const FUNCTIONS: ReadonlyMap<number, MapFunctions> = new Map<number, MapFunctions>([
  [
    BpfMapType.HASH,
    {
      inlineLookup: "hash",
      lookup: "htab_map_lookup_elem",
      update: "htab_map_update_elem",
      delete: "htab_map_delete_elem",
      forEach: "bpf_for_each_hash_elem",
    },
  ],
  [
    BpfMapType.LRU_HASH,
    {
      inlineLookup: "lruHash",
      lookup: "htab_lru_map_lookup_elem",
      update: "htab_lru_map_update_elem",
      delete: "htab_lru_map_delete_elem",
      forEach: "bpf_for_each_hash_elem",
    },
  ],
  [
    BpfMapType.PERCPU_HASH,
    {
      inlineLookup: "percpuHash",
      lookup: "htab_percpu_map_lookup_elem",
      update: "htab_percpu_map_update_elem",
      delete: "htab_map_delete_elem",
      forEach: "bpf_for_each_hash_elem",
      lookupPercpu: "htab_percpu_map_lookup_percpu_elem",
    },
  ],
  [
    BpfMapType.LRU_PERCPU_HASH,
    {
      lookup: "htab_lru_percpu_map_lookup_elem",
      update: "htab_lru_percpu_map_update_elem",
      delete: "htab_lru_map_delete_elem",
      forEach: "bpf_for_each_hash_elem",
      lookupPercpu: "htab_lru_percpu_map_lookup_percpu_elem",
    },
  ],
  [
    BpfMapType.ARRAY,
    {
      inlineLookup: "array",
      lookup: "array_map_lookup_elem",
      update: "array_map_update_elem",
      delete: "array_map_delete_elem",
      forEach: "bpf_for_each_array_elem",
    },
  ],
  [
    BpfMapType.PERCPU_ARRAY,
    {
      inlineLookup: "percpuArray",
      lookup: "percpu_array_map_lookup_elem",
      update: "array_map_update_elem",
      delete: "array_map_delete_elem",
      forEach: "bpf_for_each_array_elem",
      lookupPercpu: "percpu_array_map_lookup_percpu_elem",
    },
  ],
  [BpfMapType.ARRAY_OF_MAPS, { inlineLookup: "arrayOfMaps", lookup: "array_of_map_lookup_elem" }],
  [BpfMapType.HASH_OF_MAPS, { inlineLookup: "hashOfMaps", lookup: "htab_of_map_lookup_elem" }],
  [
    BpfMapType.LPM_TRIE,
    { lookup: "trie_lookup_elem", update: "trie_update_elem", delete: "trie_delete_elem" },
  ],
  [
    BpfMapType.QUEUE,
    {
      push: "queue_stack_map_push_elem",
      pop: "queue_map_pop_elem",
      peek: "queue_map_peek_elem",
    },
  ],
  [
    BpfMapType.STACK,
    {
      push: "queue_stack_map_push_elem",
      pop: "stack_map_pop_elem",
      peek: "stack_map_peek_elem",
    },
  ],
  [BpfMapType.BLOOM_FILTER, { push: "bloom_map_push_elem", peek: "bloom_map_peek_elem" }],
  [BpfMapType.DEVMAP, { lookup: "dev_map_lookup_elem", redirect: "dev_map_redirect" }],
  [BpfMapType.DEVMAP_HASH, { lookup: "dev_map_hash_lookup_elem", redirect: "dev_hash_map_redirect" }],
  [BpfMapType.CPUMAP, { lookup: "cpu_map_lookup_elem", redirect: "cpu_map_redirect" }],
  [
    BpfMapType.SOCKMAP,
    { lookup: "sock_map_lookup", update: "sock_map_update_elem", delete: "sock_map_delete_elem" },
  ],
  [
    BpfMapType.SOCKHASH,
    { lookup: "sock_hash_lookup", update: "sock_map_update_elem", delete: "sock_hash_delete_elem" },
  ],
  [
    BpfMapType.XSKMAP,
    {
      inlineLookup: "xskMap",
      lookup: "xsk_map_lookup_elem",
      update: "xsk_map_update_elem",
      delete: "xsk_map_delete_elem",
      redirect: "xsk_map_redirect",
    },
  ],
]);

/** The functions of a map type, by `BpfMapType`; empty where calls stay what they are. */
export function functionsOfMap(type: number): MapFunctions {
  return FUNCTIONS.get(type) ?? {};
}
