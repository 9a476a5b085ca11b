import {
  BpfAttachType as A,
  Errno,
  BpfFuncId as F,
  BpfMapType as M,
  BpfProgType as P,
} from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { funcIdName } from "./helper-kinds.ts";

type Numbers = { readonly [key: number]: readonly number[] };

const RINGBUF = [
  F.ringbuf_output,
  F.ringbuf_reserve,
  F.ringbuf_query,
  F.ringbuf_reserve_dynptr,
  F.ringbuf_submit_dynptr,
  F.ringbuf_discard_dynptr,
];
const PERF_EVENT = [
  F.perf_event_read,
  F.perf_event_output,
  F.skb_output,
  F.perf_event_read_value,
  F.xdp_output,
];

/** Helpers that take a map of a type, for the types that few helpers take. */
const HELPERS_OF_MAP: Numbers = {
  [M.PROG_ARRAY]: [F.tail_call],
  [M.PERF_EVENT_ARRAY]: PERF_EVENT,
  [M.RINGBUF]: RINGBUF,
  [M.USER_RINGBUF]: [F.user_ringbuf_drain],
  [M.STACK_TRACE]: [F.get_stackid],
  [M.CGROUP_ARRAY]: [F.skb_under_cgroup, F.current_task_under_cgroup],
  [M.CGROUP_STORAGE]: [F.get_local_storage],
  [M.PERCPU_CGROUP_STORAGE]: [F.get_local_storage],
  [M.DEVMAP]: [F.redirect_map, F.map_lookup_elem],
  [M.DEVMAP_HASH]: [F.redirect_map, F.map_lookup_elem],
  [M.CPUMAP]: [F.redirect_map],
  [M.XSKMAP]: [F.redirect_map, F.map_lookup_elem],
  [M.ARRAY_OF_MAPS]: [F.map_lookup_elem],
  [M.HASH_OF_MAPS]: [F.map_lookup_elem],
  [M.SOCKMAP]: [
    F.sk_redirect_map,
    F.sock_map_update,
    F.msg_redirect_map,
    F.sk_select_reuseport,
    F.map_lookup_elem,
  ],
  [M.SOCKHASH]: [
    F.sk_redirect_hash,
    F.sock_hash_update,
    F.msg_redirect_hash,
    F.sk_select_reuseport,
    F.map_lookup_elem,
  ],
  [M.REUSEPORT_SOCKARRAY]: [F.sk_select_reuseport],
  [M.QUEUE]: [F.map_peek_elem, F.map_pop_elem, F.map_push_elem],
  [M.STACK]: [F.map_peek_elem, F.map_pop_elem, F.map_push_elem],
  [M.SK_STORAGE]: [F.sk_storage_get, F.sk_storage_delete, F.kptr_xchg],
  [M.INODE_STORAGE]: [F.inode_storage_get, F.inode_storage_delete, F.kptr_xchg],
  [M.TASK_STORAGE]: [F.task_storage_get, F.task_storage_delete, F.kptr_xchg],
  [M.CGRP_STORAGE]: [F.cgrp_storage_get, F.cgrp_storage_delete, F.kptr_xchg],
  [M.BLOOM_FILTER]: [F.map_peek_elem, F.map_push_elem],
};

function forEach(helpers: readonly number[], maps: readonly number[]): Numbers {
  return Object.fromEntries(helpers.map((helper) => [helper, maps]));
}

/** Types of maps that a helper takes, for the helpers that take few. */
const MAPS_OF_HELPER: Numbers = {
  [F.tail_call]: [M.PROG_ARRAY],
  ...forEach(PERF_EVENT, [M.PERF_EVENT_ARRAY]),
  ...forEach(RINGBUF, [M.RINGBUF]),
  [F.user_ringbuf_drain]: [M.USER_RINGBUF],
  [F.get_stackid]: [M.STACK_TRACE],
  ...forEach([F.current_task_under_cgroup, F.skb_under_cgroup], [M.CGROUP_ARRAY]),
  [F.redirect_map]: [M.DEVMAP, M.DEVMAP_HASH, M.CPUMAP, M.XSKMAP],
  ...forEach([F.sk_redirect_map, F.msg_redirect_map, F.sock_map_update], [M.SOCKMAP]),
  ...forEach([F.sk_redirect_hash, F.msg_redirect_hash, F.sock_hash_update], [M.SOCKHASH]),
  [F.get_local_storage]: [M.CGROUP_STORAGE, M.PERCPU_CGROUP_STORAGE],
  [F.sk_select_reuseport]: [M.REUSEPORT_SOCKARRAY, M.SOCKMAP, M.SOCKHASH],
  [F.map_pop_elem]: [M.QUEUE, M.STACK],
  ...forEach([F.map_peek_elem, F.map_push_elem], [M.QUEUE, M.STACK, M.BLOOM_FILTER]),
  [F.map_lookup_percpu_elem]: [M.PERCPU_ARRAY, M.PERCPU_HASH, M.LRU_PERCPU_HASH],
  ...forEach([F.sk_storage_get, F.sk_storage_delete], [M.SK_STORAGE]),
  ...forEach([F.inode_storage_get, F.inode_storage_delete], [M.INODE_STORAGE]),
  ...forEach([F.task_storage_get, F.task_storage_delete], [M.TASK_STORAGE]),
  ...forEach([F.cgrp_storage_get, F.cgrp_storage_delete], [M.CGRP_STORAGE]),
};

/** Refuses a map of a type that the helper does not take (`check_map_func_compatibility`). */
export function checkMapFuncCompatibility(env: Environment, map: VerifierMap | null, funcId: number): void {
  if (map === null) return;
  const helpers = HELPERS_OF_MAP[map.type];
  const maps = MAPS_OF_HELPER[funcId];
  if (
    (helpers !== undefined && !helpers.includes(funcId) && !mayUpdateSockmap(env, map, funcId)) ||
    (maps !== undefined && !maps.includes(map.type))
  ) {
    env.refuse(Errno.EINVAL, `cannot pass map_type ${map.type} into func ${funcIdName(funcId)}#${funcId}`);
  }
}

/** Whether the program may change a map of sockets: not where a socket may be locked (`may_update_sockmap`). */
function mayUpdateSockmap(env: Environment, map: VerifierMap, funcId: number): boolean {
  if (map.type !== M.SOCKMAP && map.type !== M.SOCKHASH) return false;
  if (funcId !== F.map_update_elem && funcId !== F.map_delete_elem) return false;
  switch (resolvedType(env).type) {
    case P.TRACING:
      if (env.request.expectedAttachType === A.TRACE_ITER) return true;
      break;
    case P.SOCK_OPS:
      // Updates have helpers of their own there.
      if (funcId === F.map_delete_elem) return true;
      break;
    case P.SOCKET_FILTER:
    case P.SCHED_CLS:
    case P.SCHED_ACT:
    case P.XDP:
    case P.SK_REUSEPORT:
    case P.FLOW_DISSECTOR:
    case P.SK_LOOKUP:
      return true;
    default:
      break;
  }
  env.log.write("cannot update sockmap in this context\n");
  return false;
}
