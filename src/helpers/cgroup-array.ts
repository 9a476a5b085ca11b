import { MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import { offsetOf, RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { hasFullState } from "./socket-state.ts";

/** Whether tasks and sockets are in the control groups of an array, or below them. */
export function cgroupArrayHelpers(layout: KernelLayout): readonly Helper[] {
  const LEVEL = layout.offset("cgroup.level");
  const ANCESTORS = layout.offset("cgroup.ancestors");
  const GROUPS = layout.offset("task_struct.cgroups");
  const DEFAULT_GROUP = layout.offset("css_set.dfl_cgrp");
  const SOCKET = layout.offset("sk_buff.sk");
  const SOCKET_GROUP = layout.offset("sock.sk_cgrp_data");
  const STATE = layout.offset("sock_common.skc_state");
  const pointer = (call: HelperCall, at: number) => offsetOf(call.memory.view().getBigUint64(at, true));

  /** The group at an index of the array; a negative errno where there is none. */
  const groupAt = (call: HelperCall, map: number, index: number): number => {
    const view = call.memory.view();
    const field = (at: number) => view.getUint32(map - MAP_HEADER_SIZE + at, true);
    if (field(MapField.TYPE) !== BpfMapType.CGROUP_ARRAY) return -Errno.EINVAL;
    if (index >= field(MapField.MAX_ENTRIES)) return -Errno.E2BIG;
    return view.getUint32(field(MapField.VALUES) + 4 * index, true) || -Errno.EAGAIN;
  };

  /** `cgroup_is_descendant`: a group of no struct is the root of the hierarchy. */
  const isBelow = (call: HelperCall, group: number, other: number): number => {
    const view = call.memory.view();
    const level = view.getInt32(other + LEVEL, true);
    if (group === 0) return level === 0 ? 1 : 0;
    if (view.getInt32(group + LEVEL, true) < level) return 0;
    return pointer(call, group + ANCESTORS + 8 * level) === other ? 1 : 0;
  };

  /** `bpf_current_task_under_cgroup` */
  const currentUnder = (call: HelperCall, map: number, index: number): number => {
    const other = groupAt(call, map >>> 0, index >>> 0);
    if (other < 0) return other;
    const task = call.services.task?.().offset ?? 0;
    const set = task === 0 ? 0 : pointer(call, task + GROUPS);
    return isBelow(call, set === 0 ? 0 : pointer(call, set + DEFAULT_GROUP), other);
  };

  /** `bpf_skb_under_cgroup` */
  const skbUnder = (call: HelperCall, skb: number, map: number, index: number): number => {
    const socket = pointer(call, (skb >>> 0) + SOCKET);
    const there = socket !== 0 && call.memory.regions.allows(socket + STATE, 1, RegionAccess.READ);
    if (!there || !hasFullState(call.memory.view().getUint8(socket + STATE))) return -Errno.ENOENT;
    const other = groupAt(call, map >>> 0, index >>> 0);
    return other < 0 ? other : isBelow(call, pointer(call, socket + SOCKET_GROUP), other);
  };

  return [
    hostHelper(BpfFuncId.current_task_under_cgroup, { args: ["ptr", "i32"], result: "i32" }, currentUnder),
    hostHelper(BpfFuncId.skb_under_cgroup, { args: ["ptr", "ptr", "i32"], result: "i32" }, skbUnder),
  ];
}
