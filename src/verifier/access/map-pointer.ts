import { BtfKind } from "../../btf/index.ts";
import { Errno, BpfMapType as M } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { RegType } from "../state/reg-type.ts";
import type { AccessType } from "./access-type.ts";
import { markBtfLdReg } from "./btf-load.ts";
import { btfStructAccess } from "./struct-access.ts";

/** What the kernel keeps of a map, by its type (`map_btf_id` of its operations). */
const STRUCTS: ReadonlyMap<number, string> = new Map([
  [M.HASH, "bpf_htab"],
  [M.LRU_HASH, "bpf_htab"],
  [M.PERCPU_HASH, "bpf_htab"],
  [M.LRU_PERCPU_HASH, "bpf_htab"],
  [M.HASH_OF_MAPS, "bpf_htab"],
  [M.ARRAY, "bpf_array"],
  [M.PERCPU_ARRAY, "bpf_array"],
  [M.PROG_ARRAY, "bpf_array"],
  [M.PERF_EVENT_ARRAY, "bpf_array"],
  [M.CGROUP_ARRAY, "bpf_array"],
  [M.ARRAY_OF_MAPS, "bpf_array"],
  [M.STACK_TRACE, "bpf_stack_map"],
  [M.LPM_TRIE, "lpm_trie"],
  [M.DEVMAP, "bpf_dtab"],
  [M.DEVMAP_HASH, "bpf_dtab"],
  [M.SOCKMAP, "bpf_stab"],
  [M.SOCKHASH, "bpf_shtab"],
  [M.CPUMAP, "bpf_cpu_map"],
  [M.XSKMAP, "xsk_map"],
  [M.CGROUP_STORAGE, "bpf_cgroup_storage_map"],
  [M.PERCPU_CGROUP_STORAGE, "bpf_cgroup_storage_map"],
  [M.REUSEPORT_SOCKARRAY, "reuseport_array"],
  [M.QUEUE, "bpf_queue_stack"],
  [M.STACK, "bpf_queue_stack"],
  [M.SK_STORAGE, "bpf_local_storage_map"],
  [M.INODE_STORAGE, "bpf_local_storage_map"],
  [M.TASK_STORAGE, "bpf_local_storage_map"],
  [M.CGRP_STORAGE, "bpf_local_storage_map"],
  [M.STRUCT_OPS, "bpf_struct_ops_map"],
  [M.RINGBUF, "bpf_ringbuf_map"],
  [M.USER_RINGBUF, "bpf_ringbuf_map"],
  [M.BLOOM_FILTER, "bpf_bloom_filter"],
  [M.ARENA, "bpf_arena"],
]);

/** A load from the kernel's own description of a map (`check_ptr_to_map_access`). */
export function checkPtrToMapAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  type: AccessType,
  valueRegno: number,
): void {
  const map = env.reg(regno).map!;
  const vmlinux = env.request.kernel.btf;
  if (vmlinux === null) {
    env.refuse(Errno.ENOTSUPP, "map_ptr access not supported without CONFIG_DEBUG_INFO_BTF");
  }
  const name = STRUCTS.get(map.type) ?? "";
  const btfId = name === "" ? 0 : vmlinux.findByName(name, BtfKind.STRUCT);
  if (btfId === 0) env.refuse(Errno.ENOTSUPP, `map_ptr access not supported for map type ${map.type}`);
  if (!env.allowPtrLeaks) {
    env.refuse(Errno.EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (off < 0) env.refuse(Errno.EACCES, `R${regno} is ${name} invalid negative access: off=${off}`);
  if (type !== "read") env.refuse(Errno.EACCES, `only read from ${name} is supported`);
  const found = btfStructAccess(env, { type: RegType.PTR_TO_BTF_ID, btf: vmlinux, btfId }, off, size);
  if (valueRegno >= 0) {
    markBtfLdReg(env, env.reg(valueRegno), found.regType, vmlinux, found.btfId, found.flags);
  }
}
