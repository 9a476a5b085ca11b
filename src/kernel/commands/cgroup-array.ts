import { Errno } from "../../uapi/index.ts";
import type { KernelObject } from "../objects/kernel-object.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { checked, refuse } from "../refusal.ts";

/** A control group, as far as arrays hold it. */
interface ArrayCgroup extends KernelObject {
  /** Offset of its `struct cgroup`. */
  readonly offset: number;
}

/** `cgroup_fd_array_get_ptr`: the value is the descriptor of a control group's directory. EBADF, E2BIG, EINVAL. */
export function setCgroup(
  process: Process,
  map: KernelMap,
  { key, from, flags }: { readonly key: number; readonly from: number; readonly flags: bigint },
): number {
  const view = process.machine.memory.view();
  const index = view.getUint32(key, true);
  if (flags !== 0n) refuse(Errno.EINVAL);
  if (index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  const object = process.files.find(view.getInt32(from, true))?.object;
  if (object === undefined || !isCgroup(object)) return refuse(Errno.EBADF);
  view.setUint32(from, object.offset, true);
  checked(map.parts.operations.update(map.offset, key, from, 0, 0));
  map.entryPrograms.set(index, object);
  return 0;
}

function isCgroup(object: KernelObject): object is ArrayCgroup {
  const kind: string = object.kind;
  return kind === "cgroup" && "offset" in object;
}
