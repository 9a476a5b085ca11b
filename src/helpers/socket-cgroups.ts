import { offsetOf, RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { hasFullState } from "./socket-state.ts";

/** The root of the hierarchy, which a socket is in whose group is not known. */
const ROOT_ID = 1;

/** Which control groups sockets are in, and packets by theirs. */
export function socketCgroupHelpers(layout: KernelLayout): readonly Helper[] {
  const SOCKET = layout.offset("sk_buff.sk");
  const GROUP = layout.offset("sock.sk_cgrp_data");
  const STATE = layout.offset("sock_common.skc_state");
  const LEVEL = layout.offset("cgroup.level");
  const ANCESTORS = layout.offset("cgroup.ancestors");
  const NODE = layout.offset("cgroup.kn");
  const ID = layout.offset("kernfs_node.id");
  const pointer = (call: HelperCall, at: number) => offsetOf(call.memory.view().getBigUint64(at, true));

  const give = (call: HelperCall, id: bigint): number => {
    call.resultHigh = Number(BigInt.asIntN(32, id >> 32n));
    return Number(BigInt.asIntN(32, id));
  };

  const idOf = (call: HelperCall, group: number): bigint =>
    group === 0 ? BigInt(ROOT_ID) : call.memory.view().getBigUint64(pointer(call, group + NODE) + ID, true);

  /** `__bpf_sk_cgroup_id`, and at a level `__bpf_sk_ancestor_cgroup_id`: 0 where there is none. */
  const find = (call: HelperCall, socket: number, level: number | null): number => {
    const there = socket !== 0 && call.memory.regions.allows(socket + STATE, 1, RegionAccess.READ);
    if (!there || !hasFullState(call.memory.view().getUint8(socket + STATE))) return give(call, 0n);
    const group = pointer(call, socket + GROUP);
    if (level === null) return give(call, idOf(call, group));
    const own = group === 0 ? 0 : call.memory.view().getInt32(group + LEVEL, true);
    if (level < 0 || level > own) return give(call, 0n);
    return give(call, idOf(call, group === 0 ? 0 : pointer(call, group + ANCESTORS + 8 * level)));
  };

  const ofSkb = (call: HelperCall, skb: number) => pointer(call, (skb >>> 0) + SOCKET);
  return [
    hostHelper(BpfFuncId.skb_cgroup_id, { args: ["ptr"], result: "i64" }, (call, skb) =>
      find(call, ofSkb(call, skb!), null),
    ),
    hostHelper(
      BpfFuncId.skb_ancestor_cgroup_id,
      { args: ["ptr", "i32"], result: "i64" },
      (call, skb, level) => find(call, ofSkb(call, skb!), level!),
    ),
    hostHelper(BpfFuncId.sk_cgroup_id, { args: ["ptr"], result: "i64" }, (call, socket) =>
      find(call, socket! >>> 0, null),
    ),
    hostHelper(
      BpfFuncId.sk_ancestor_cgroup_id,
      { args: ["ptr", "i32"], result: "i64" },
      (call, socket, level) => find(call, socket! >>> 0, level!),
    ),
  ];
}
