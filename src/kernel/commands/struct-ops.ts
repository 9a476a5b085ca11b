import type { Btf } from "../../btf/index.ts";
import { structOpsType } from "../../platform/index.ts";
import type { AttrValues } from "../../sys/index.ts";
import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

/** What the kernel's types call the value of operations: `struct bpf_struct_ops_tcp_congestion_ops`. */
const VALUE_PREFIX = "bpf_struct_ops_";

/** `struct bpf_struct_ops_common`: a reference count and a state, which users leave at 0. */
const COMMON_SIZE = 8;

/**
 * `bpf_struct_ops_map_alloc`: a type of the kernel that is the value of operations. ENOTSUPP for another one, EINVAL for
 * one of another size, or of a module: there is none.
 */
export function checkStructOps(
  process: Process,
  { btfVmlinuxValueTypeId, valueSize, mapFlags, valueTypeBtfObjFd }: AttrValues<"MAP_CREATE">,
): void {
  if ((mapFlags & BpfMapFlag.VTYPE_BTF_OBJ_FD) !== 0) {
    process.btf(valueTypeBtfObjFd);
    refuse(Errno.EINVAL);
  }
  const { btf } = process.machine.shown;
  if (!isOperations(process, btf, btfVmlinuxValueTypeId)) refuse(Errno.ENOTSUPP);
  if (btf.size(btfVmlinuxValueTypeId) !== valueSize) refuse(Errno.EINVAL);
}

function isOperations({ machine }: Process, btf: Btf, id: number): boolean {
  if (id >= btf.count) return false;
  const type = btf.type(id);
  if (type.kind !== "STRUCT" || !type.name.startsWith(VALUE_PREFIX)) return false;
  return structOpsType(type.name.slice(VALUE_PREFIX.length), machine.release) !== undefined;
}

/** `bpf_struct_ops_map_sys_lookup_elem`: operations that were never registered are zeros. ENOENT for another key. */
export function readStructOps(process: Process, map: KernelMap, key: number, to: number): void {
  const { memory } = process.machine;
  if (memory.view().getUint32(key, true) !== 0) refuse(Errno.ENOENT);
  memory.bytes().fill(0, to, to + map.valueSize);
}

/**
 * `bpf_struct_ops_map_update_elem`, up to where it would register the operations: none of this kernel's parts has any
 * that programs could take over. A kernel that only shows takes what an object puts in, and does not keep it.
 */
export function updateStructOps(
  { machine }: Process,
  map: KernelMap,
  { key, from, flags }: { readonly key: number; readonly from: number; readonly flags: bigint },
): number {
  const view = machine.memory.view();
  if (flags !== 0n) refuse(Errno.EINVAL);
  if (view.getUint32(key, true) !== 0) refuse(Errno.E2BIG);
  if (!machine.executes) return 0;
  for (let at = 0; at < COMMON_SIZE; at += 4) if (view.getUint32(from + at, true) !== 0) refuse(Errno.EINVAL);
  return map.valueSize < COMMON_SIZE ? refuse(Errno.EINVAL) : refuse(Errno.EOPNOTSUPP);
}
