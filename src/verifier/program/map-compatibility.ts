import { Errno, BpfMapType as M, BpfProgType as P } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { FieldType, hasField } from "../environment/record.ts";
import { resolvedType } from "../environment/resolved-type.ts";

/** `is_tracing_prog_type`: they may run anywhere, also where locks are held. */
const TRACING: ReadonlySet<number> = new Set([
  P.KPROBE,
  P.TRACEPOINT,
  P.PERF_EVENT,
  P.RAW_TRACEPOINT,
  P.RAW_TRACEPOINT_WRITABLE,
]);

/** Special fields that tracing programs may not have in their maps, with what the refusal calls them. */
const NOT_FOR_TRACING: readonly (readonly [fields: number, what: string])[] = [
  [FieldType.LIST_HEAD | FieldType.RB_ROOT, "bpf_{list_head,rb_root}"],
  [FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK, "bpf_spin_lock"],
  [FieldType.TIMER, "bpf_timer"],
  [FieldType.WORKQUEUE, "bpf_wq"],
];

/** Map types that programs which may sleep can use. */
const SLEEPABLE: ReadonlySet<number> = new Set([
  M.HASH,
  M.LRU_HASH,
  M.ARRAY,
  M.PERCPU_HASH,
  M.PERCPU_ARRAY,
  M.LRU_PERCPU_HASH,
  M.ARRAY_OF_MAPS,
  M.HASH_OF_MAPS,
  M.RINGBUF,
  M.USER_RINGBUF,
  M.INODE_STORAGE,
  M.SK_STORAGE,
  M.TASK_STORAGE,
  M.CGRP_STORAGE,
  M.QUEUE,
  M.STACK,
  M.ARENA,
]);

const CGROUP_STORAGE: ReadonlySet<number> = new Set([M.CGROUP_STORAGE, M.PERCPU_CGROUP_STORAGE]);

/** Whether a program of this type may use the map at all (`check_map_prog_compatibility`). */
export function checkMapProgCompatibility(env: Environment, map: VerifierMap): void {
  const type = resolvedType(env).type;
  if (map.reservedForAnother) {
    env.refuse(Errno.EACCES, "program's hash doesn't match map's excl_prog_hash");
  }
  for (const [fields, what] of NOT_FOR_TRACING) {
    if (!hasField(map.record, fields)) continue;
    if ((fields & FieldType.SPIN_LOCK) !== 0 && type === P.SOCKET_FILTER) {
      env.refuse(Errno.EINVAL, "socket filter progs cannot use bpf_spin_lock yet");
    }
    if (TRACING.has(type)) env.refuse(Errno.EINVAL, `tracing progs cannot use ${what} yet`);
  }
  if (map.type === M.STRUCT_OPS) env.refuse(Errno.EINVAL, "bpf_struct_ops map cannot be used in prog");
  if (env.sleepable && !SLEEPABLE.has(map.type)) {
    env.refuse(Errno.EINVAL, "Sleepable programs can only use array, hash, ringbuf and local storage maps");
  }
  if (CGROUP_STORAGE.has(map.type) && env.usedMaps.some((used) => used.type === map.type)) {
    env.refuse(Errno.EBUSY, "only one cgroup storage of each type is allowed");
  }
  if (map.type === M.ARENA) checkArena(env, map);
}

function checkArena(env: Environment, map: VerifierMap): void {
  if (env.usedMaps.some((used) => used.type === M.ARENA)) {
    env.refuse(Errno.EBUSY, "Only one arena per program");
  }
  if (!env.allowPtrLeaks || !env.bpfCapable) {
    env.refuse(Errno.EPERM, "CAP_BPF and CAP_PERFMON are required to use arena");
  }
  if (map.userAddress === null || map.userAddress === undefined || map.userAddress === 0n) {
    env.refuse(Errno.EINVAL, "arena's user address must be set via map_extra or mmap()");
  }
}
