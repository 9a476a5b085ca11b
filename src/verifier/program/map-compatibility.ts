import { isTracingType, mapTraits } from "../../platform/index.ts";
import { Errno, BpfMapType as M, BpfProgType as P } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { FieldType, hasField } from "../environment/record.ts";
import { resolvedType } from "../environment/resolved-type.ts";

/** Special fields that tracing programs may not have in their maps, with what the refusal calls them. */
const NOT_FOR_TRACING: readonly (readonly [fields: number, what: string])[] = [
  [FieldType.LIST_HEAD | FieldType.RB_ROOT, "bpf_{list_head,rb_root}"],
  [FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK, "bpf_spin_lock"],
  [FieldType.TIMER, "bpf_timer"],
  [FieldType.WORKQUEUE, "bpf_wq"],
];

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
    if (isTracingType(type)) env.refuse(Errno.EINVAL, `tracing progs cannot use ${what} yet`);
    if (env.sleepable && (fields & FieldType.SPIN_LOCK) !== 0 && env.release === "6.1") {
      env.refuse(Errno.EINVAL, "sleepable progs cannot use bpf_spin_lock yet");
    }
  }
  if (map.type === M.STRUCT_OPS) env.refuse(Errno.EINVAL, "bpf_struct_ops map cannot be used in prog");
  if (env.sleepable && mapTraits(map.type, env.release)?.sleepable !== true) {
    const types =
      env.release === "6.1" ? "array, hash, and ringbuf" : "array, hash, ringbuf and local storage";
    env.refuse(Errno.EINVAL, `Sleepable programs can only use ${types} maps`);
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
