import { type KernelRelease, mapTraits } from "../../platform/index.ts";
import { BpfMapFlag, BpfFuncId as F, helperName, BpfMapType as M } from "../../uapi/index.ts";
import type { VerifierMap } from "../environment/map.ts";

/** `"bpf_map_lookup_elem"`; `"unknown"` of what no helper has (`func_id_name`). */
export function funcIdName(funcId: number): string {
  const name = helperName(funcId);
  return name === undefined ? "unknown" : `bpf_${name}`;
}

/** What it returns has to be given back (`is_acquire_function`). */
export function isAcquireFunction(funcId: number, map: VerifierMap | null): boolean {
  switch (funcId) {
    case F.sk_lookup_tcp:
    case F.sk_lookup_udp:
    case F.skc_lookup_tcp:
    case F.ringbuf_reserve:
    case F.kptr_xchg:
      return true;
    case F.map_lookup_elem:
      return map !== null && (map.type === M.SOCKMAP || map.type === M.SOCKHASH);
    default:
      return false;
  }
}

/** It returns its argument under another type (`is_ptr_cast_function`). */
export function isPtrCastFunction(funcId: number): boolean {
  switch (funcId) {
    case F.tcp_sock:
    case F.sk_fullsock:
    case F.skc_to_tcp_sock:
    case F.skc_to_tcp6_sock:
    case F.skc_to_udp6_sock:
    case F.skc_to_mptcp_sock:
    case F.skc_to_tcp_timewait_sock:
    case F.skc_to_tcp_request_sock:
      return true;
    default:
      return false;
  }
}

/** It returns a part of a dynptr (`is_dynptr_ref_function`). */
export function isDynptrRefFunction(funcId: number): boolean {
  return funcId === F.dynptr_data;
}

/** It may allocate, and has to know whether it may sleep (`is_storage_get_function`). */
export function isStorageGetFunction(funcId: number): boolean {
  return (
    funcId === F.sk_storage_get ||
    funcId === F.inode_storage_get ||
    funcId === F.task_storage_get ||
    funcId === F.cgrp_storage_get
  );
}

/** It calls a function of the program before it returns (`is_sync_callback_calling_function`). */
export function isSyncCallbackCallingFunction(funcId: number): boolean {
  return (
    funcId === F.for_each_map_elem ||
    funcId === F.find_vma ||
    funcId === F.loop ||
    funcId === F.user_ringbuf_drain
  );
}

/** It has a function of the program called later (`is_async_callback_calling_function`). */
export function isAsyncCallbackCallingFunction(funcId: number): boolean {
  return funcId === F.timer_set_callback;
}

/**
 * A lookup with a key that is known cannot fail (`can_elide_value_nullness`). Maps in other maps may have fewer elements
 * than the one that stands for them.
 */
export function canElideValueNullness(map: VerifierMap, release: KernelRelease): boolean {
  if ((map.flags & BpfMapFlag.INNER_MAP) !== 0) return false;
  return mapTraits(map.type, release)?.neverNull === true;
}
