import { BpfAttachType as A, BpfFuncId as F, BpfMapType as M, BpfProgType as P } from "../uapi/index.ts";
import type { ProgramTraits } from "./helpers/prototype-of.ts";

type Numbers = ReadonlyMap<number, readonly number[]>;

const PERF_EVENT = [
  F.perf_event_read,
  F.perf_event_output,
  F.perf_event_read_value,
  F.skb_output,
  F.xdp_output,
];
const RINGBUF = [
  F.ringbuf_output,
  F.ringbuf_reserve,
  F.ringbuf_query,
  F.ringbuf_reserve_dynptr,
  F.ringbuf_submit_dynptr,
  F.ringbuf_discard_dynptr,
];
const QUEUE = [F.map_peek_elem, F.map_pop_elem, F.map_push_elem];

/** Helpers that take a map of a type, for types that few of them take. */
const HELPERS_OF_MAP: Numbers = new Map<number, readonly number[]>([
  [M.PROG_ARRAY, [F.tail_call]],
  [M.PERF_EVENT_ARRAY, PERF_EVENT],
  [M.RINGBUF, RINGBUF],
  [M.USER_RINGBUF, [F.user_ringbuf_drain]],
  [M.STACK_TRACE, [F.get_stackid]],
  [M.CGROUP_ARRAY, [F.skb_under_cgroup, F.current_task_under_cgroup]],
  [M.CGROUP_STORAGE, [F.get_local_storage]],
  [M.PERCPU_CGROUP_STORAGE, [F.get_local_storage]],
  [M.DEVMAP, [F.redirect_map, F.map_lookup_elem]],
  [M.DEVMAP_HASH, [F.redirect_map, F.map_lookup_elem]],
  [M.CPUMAP, [F.redirect_map]],
  [M.XSKMAP, [F.redirect_map, F.map_lookup_elem]],
  [M.ARRAY_OF_MAPS, [F.map_lookup_elem]],
  [M.HASH_OF_MAPS, [F.map_lookup_elem]],
  [
    M.SOCKMAP,
    [F.sk_redirect_map, F.sock_map_update, F.msg_redirect_map, F.sk_select_reuseport, F.map_lookup_elem],
  ],
  [
    M.SOCKHASH,
    [F.sk_redirect_hash, F.sock_hash_update, F.msg_redirect_hash, F.sk_select_reuseport, F.map_lookup_elem],
  ],
  [M.REUSEPORT_SOCKARRAY, [F.sk_select_reuseport]],
  [M.QUEUE, QUEUE],
  [M.STACK, QUEUE],
  [M.SK_STORAGE, [F.sk_storage_get, F.sk_storage_delete, F.kptr_xchg]],
  [M.INODE_STORAGE, [F.inode_storage_get, F.inode_storage_delete, F.kptr_xchg]],
  [M.TASK_STORAGE, [F.task_storage_get, F.task_storage_delete, F.kptr_xchg]],
  [M.CGRP_STORAGE, [F.cgrp_storage_get, F.cgrp_storage_delete, F.kptr_xchg]],
  [M.BLOOM_FILTER, [F.map_peek_elem, F.map_push_elem]],
]);

/** Storage of objects, in which there were no kptrs in 6.1. */
const OF_STORAGE: ReadonlySet<number> = new Set([M.SK_STORAGE, M.INODE_STORAGE, M.TASK_STORAGE]);

function all(helpers: readonly number[], ...maps: readonly number[]): [number, readonly number[]][] {
  return helpers.map((helper) => [helper, maps]);
}

/** Types of maps that a helper takes, for helpers that take few of them. */
const MAPS_OF_HELPER: Numbers = new Map<number, readonly number[]>([
  [F.tail_call, [M.PROG_ARRAY]],
  ...all(PERF_EVENT, M.PERF_EVENT_ARRAY),
  ...all(RINGBUF, M.RINGBUF),
  [F.user_ringbuf_drain, [M.USER_RINGBUF]],
  [F.get_stackid, [M.STACK_TRACE]],
  ...all([F.current_task_under_cgroup, F.skb_under_cgroup], M.CGROUP_ARRAY),
  [F.redirect_map, [M.DEVMAP, M.DEVMAP_HASH, M.CPUMAP, M.XSKMAP]],
  ...all([F.sk_redirect_map, F.msg_redirect_map, F.sock_map_update], M.SOCKMAP),
  ...all([F.sk_redirect_hash, F.msg_redirect_hash, F.sock_hash_update], M.SOCKHASH),
  [F.get_local_storage, [M.CGROUP_STORAGE, M.PERCPU_CGROUP_STORAGE]],
  [F.sk_select_reuseport, [M.REUSEPORT_SOCKARRAY, M.SOCKMAP, M.SOCKHASH]],
  [F.map_pop_elem, [M.QUEUE, M.STACK]],
  ...all([F.map_peek_elem, F.map_push_elem], M.QUEUE, M.STACK, M.BLOOM_FILTER),
  [F.map_lookup_percpu_elem, [M.PERCPU_ARRAY, M.PERCPU_HASH, M.LRU_PERCPU_HASH]],
  ...all([F.sk_storage_get, F.sk_storage_delete], M.SK_STORAGE),
  ...all([F.inode_storage_get, F.inode_storage_delete], M.INODE_STORAGE),
  ...all([F.task_storage_get, F.task_storage_delete], M.TASK_STORAGE),
  ...all([F.cgrp_storage_get, F.cgrp_storage_delete], M.CGRP_STORAGE),
]);

/**
 * Whether a helper takes a map of a type (`check_map_func_compatibility`):
 *
 * - `no`: "cannot pass map_type TYPE into func NAME#ID".
 * - `noUpdate`: the same after "cannot update sockmap in this context".
 */
export type MapHelperVerdict = "yes" | "no" | "noUpdate";

export function mapHelperVerdict(
  mapType: number,
  helper: number,
  program: Pick<ProgramTraits, "programType" | "extendedType" | "expectedAttachType" | "kernel">,
): MapHelperVerdict {
  if (program.kernel === "6.1" && helper === F.kptr_xchg && OF_STORAGE.has(mapType)) return "no";
  const helpers = HELPERS_OF_MAP.get(mapType);
  if (helpers !== undefined && !helpers.includes(helper)) {
    const updates = helper === F.map_update_elem || helper === F.map_delete_elem;
    if (!updates || (mapType !== M.SOCKMAP && mapType !== M.SOCKHASH)) return "no";
    if (!mayUpdateSockets(helper, program)) return "noUpdate";
  }
  const maps = MAPS_OF_HELPER.get(helper);
  return maps === undefined || maps.includes(mapType) ? "yes" : "no";
}

/** Not where the program may hold a socket that is locked (`may_update_sockmap`). */
function mayUpdateSockets(
  helper: number,
  program: Pick<ProgramTraits, "programType" | "extendedType" | "expectedAttachType">,
): boolean {
  switch (program.extendedType ?? program.programType) {
    case P.TRACING:
      return program.expectedAttachType === A.TRACE_ITER;
    case P.SOCK_OPS:
      // Updates have helpers of their own there.
      return helper === F.map_delete_elem;
    case P.SOCKET_FILTER:
    case P.SCHED_CLS:
    case P.SCHED_ACT:
    case P.XDP:
    case P.SK_REUSEPORT:
    case P.FLOW_DISSECTOR:
    case P.SK_LOOKUP:
      return true;
    default:
      return false;
  }
}
