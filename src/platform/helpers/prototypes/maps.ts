import { prototype, RETURNS } from "../prototype.ts";

/** Maps and storage that belongs to objects. */
export const MAPS_PROTOTYPES = {
  bpf_map_lookup_elem: prototype("map_lookup_elem", ["map", "key"], {
    returns: RETURNS.mapValueOrNull,
    packetAccess: true,
  }),
  bpf_map_update_elem: prototype("map_update_elem", ["map", "key", "value", "any"], { packetAccess: true }),
  bpf_map_delete_elem: prototype("map_delete_elem", ["map", "key"], { packetAccess: true }),
  bpf_tail_call: prototype("tail_call", ["ctx", "map", "any"], { returns: RETURNS.nothing }),
  bpf_get_local_storage: prototype("get_local_storage", ["map", "any"], { returns: RETURNS.mapValue }),
  bpf_map_push_elem: prototype("map_push_elem", ["map", "value", "any"], { packetAccess: true }),
  bpf_map_pop_elem: prototype("map_pop_elem", ["map", "valueOut"]),
  bpf_map_peek_elem: prototype("map_peek_elem", ["map", "valueOut"]),
  bpf_sk_storage_get: prototype("sk_storage_get", ["map", "btfSock", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_sk_storage_get_cg_sock: prototype("sk_storage_get", ["map", "ctx", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_sk_storage_get_tracing: prototype(
    "sk_storage_get",
    ["map", "sockCommonBtfOrNull", "valueOrNull", "any"],
    { returns: RETURNS.mapValueOrNull, allowed: "skStorageTracing" },
  ),
  bpf_sk_storage_delete: prototype("sk_storage_delete", ["map", "btfSock"]),
  bpf_sk_storage_delete_tracing: prototype("sk_storage_delete", ["map", "sockCommonBtfOrNull"], {
    allowed: "skStorageTracing",
  }),
  bpf_inode_storage_get: prototype("inode_storage_get", ["map", "inodeOrNull", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_inode_storage_delete: prototype("inode_storage_delete", ["map", "inodeOrNull"]),
  bpf_task_storage_get: prototype("task_storage_get", ["map", "taskOrNull", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_task_storage_get_recur: prototype("task_storage_get", ["map", "taskOrNull", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_task_storage_delete: prototype("task_storage_delete", ["map", "taskOrNull"]),
  bpf_task_storage_delete_recur: prototype("task_storage_delete", ["map", "taskOrNull"]),
  bpf_for_each_map_elem: prototype("for_each_map_elem", ["map", "func", "stackOrNull", "any"]),
  bpf_map_lookup_percpu_elem: prototype("map_lookup_percpu_elem", ["map", "key", "any"], {
    returns: RETURNS.mapValueOrNull,
    packetAccess: true,
  }),
  bpf_cgrp_storage_get: prototype("cgrp_storage_get", ["map", "cgroupOrNull", "valueOrNull", "any"], {
    returns: RETURNS.mapValueOrNull,
  }),
  bpf_cgrp_storage_delete: prototype("cgrp_storage_delete", ["map", "cgroupOrNull"]),
};
