import { Errno } from "../../uapi/index.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { checked, refuse } from "../refusal.ts";
import { cgroupOf } from "./attach-targets.ts";

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
  const group = cgroupOf(process, view.getInt32(from, true));
  view.setUint32(from, group.offset, true);
  checked(map.parts.operations.update(map.offset, key, from, 0, 0));
  map.entryPrograms.set(index, group);
  return 0;
}
