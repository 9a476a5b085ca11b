import { BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/**
 * What system calls get of the storage of cgroups: no cgroup has a program attached, and a test run's storage is its own
 * (`cgroup_storage_update_elem` and its kin).
 */
export function emitCgroupStorage(
  operations: Readonly<Record<"lookup" | "update" | "delete" | "nextKey", FunctionBuilder>>,
): void {
  const { lookup, update, delete: remove, nextKey } = operations;
  lookup.i32.const(0);
  const flags = update.params[3] as Local;
  update.get(flags).i32.const(~BpfUpdateFlag.EXIST).i32.and();
  update.if(() => update.i32.const(-Errno.EINVAL).return());
  update.i32.const(-Errno.ENOENT);
  remove.i32.const(-Errno.EINVAL);
  nextKey.i32.const(-Errno.ENOENT);
}
