import { BpfFuncId } from "../../uapi/index.ts";
import type { HelperName } from "./prototype.ts";

/**
 * The last helper that each release of Linux added. Ids were given out in order, so that a release has all up to its
 * last. After 6.2 the list is closed: new functions are kfuncs.
 */
const LAST_OF_RELEASE: readonly (readonly [release: string, last: HelperName])[] = [
  ["3.19", "map_delete_elem"],
  ["4.1", "l4_csum_replace"],
  ["4.2", "get_current_comm"],
  ["4.3", "perf_event_read"],
  ["4.4", "perf_event_output"],
  ["4.5", "skb_load_bytes"],
  ["4.6", "skb_set_tunnel_opt"],
  ["4.8", "probe_write_user"],
  ["4.9", "set_hash_invalid"],
  ["4.10", "xdp_adjust_head"],
  ["4.11", "probe_read_str"],
  ["4.12", "get_socket_uid"],
  ["4.13", "skb_adjust_room"],
  ["4.14", "sock_map_update"],
  ["4.15", "getsockopt"],
  ["4.16", "sock_ops_cb_flags_set"],
  ["4.17", "bind"],
  ["4.18", "get_current_cgroup_id"],
  ["4.19", "skb_ancestor_cgroup_id"],
  ["4.20", "msg_push_data"],
  ["5.0", "rc_pointer_rel"],
  ["5.1", "get_listener_sock"],
  ["5.2", "sk_storage_delete"],
  ["5.3", "send_signal"],
  ["5.4", "tcp_gen_syncookie"],
  ["5.5", "probe_read_kernel_str"],
  ["5.6", "jiffies64"],
  ["5.7", "sk_assign"],
  ["5.8", "csum_level"],
  ["5.9", "get_task_stack"],
  ["5.10", "redirect_peer"],
  ["5.11", "sock_from_file"],
  ["5.12", "check_mtu"],
  ["5.13", "snprintf"],
  ["5.14", "sys_close"],
  ["5.15", "task_pt_regs"],
  ["5.16", "kallsyms_lookup_name"],
  ["5.17", "get_func_arg_cnt"],
  ["5.18", "ima_file_hash"],
  ["5.19", "dynptr_data"],
  ["6.0", "tcp_raw_check_syncookie_ipv6"],
  ["6.1", "user_ringbuf_drain"],
  ["6.2", "cgrp_storage_delete"],
];

/** The release of Linux that a helper is in since: `"5.8"`; undefined where no release has it. */
export function helperSince(id: number): string | undefined {
  return LAST_OF_RELEASE.find(([, last]) => id <= BpfFuncId[last] && id > 0)?.[0];
}

/** The highest id of a helper that a release has: `helperCount("5.2")` is 108. */
export function helperCount(release: string): number {
  let count = 0;
  for (const [since, last] of LAST_OF_RELEASE) {
    if (compareReleases(since, release) <= 0) count = BpfFuncId[last];
  }
  return count;
}

/** Negative where `a` is the older one: `compareReleases("5.9", "5.10") < 0`. */
export function compareReleases(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA - majorB || minorA - minorB;
}
