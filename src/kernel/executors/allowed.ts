import type { Callable, Kfunc } from "../../helpers/index.ts";

/**
 * Helpers and kfuncs written in TypeScript that another executor may call: pure functions over the program's own memory,
 * its packet, or what a run is told when it begins (`GuestServices`). Emitted ones take the locks that they need; all
 * others use what only the kernel's thread has (tables of timers, tasks' memory, perf events), or change common
 * structures without a lock (storage of objects, stack traces).
 */
export const ANYWHERE: ReadonlySet<string> = new Set(
  [
    // Time, randomness, text.
    "ktime_get_ns ktime_get_boot_ns ktime_get_coarse_ns jiffies64 get_prandom_u32",
    "trace_printk trace_vprintk snprintf strtol strtoul strncmp csum_diff",
    "probe_read_kernel probe_read_kernel_str",
    // Whose run it is.
    "get_current_pid_tgid get_current_uid_gid get_current_comm get_current_task get_current_task_btf",
    "get_current_cgroup_id get_current_ancestor_cgroup_id current_task_under_cgroup",
    "get_attach_cookie get_func_ip get_retval set_retval",
    // The packet.
    "skb_load_bytes skb_load_bytes_relative skb_store_bytes skb_pull_data l3_csum_replace l4_csum_replace",
    "csum_update csum_level get_hash_recalc set_hash_invalid set_hash skb_change_head skb_change_tail",
    "skb_change_type skb_change_proto skb_adjust_room skb_vlan_push skb_vlan_pop skb_under_cgroup",
    "xdp_adjust_head xdp_adjust_meta xdp_adjust_tail fib_lookup",
    "sk_fullsock tcp_sock get_listener_sock get_socket_uid",
    // Dynptrs, iterators.
    "dynptr_from_mem dynptr_read dynptr_write dynptr_data dynptr_from_skb dynptr_from_skb_rdonly",
    "dynptr_from_skb_meta dynptr_from_xdp dynptr_slice dynptr_slice_rdwr dynptr_adjust dynptr_is_null",
    "dynptr_is_rdonly dynptr_size dynptr_clone dynptr_copy dynptr_memset",
    "iter_bits_new iter_bits_next iter_bits_destroy",
    // Lists and trees, which the verifier lets nobody touch without their lock.
    "list_push_front_impl list_push_back_impl list_pop_front list_pop_back list_front list_back",
    "rbtree_add_impl rbtree_remove rbtree_first rbtree_root rbtree_left rbtree_right",
  ]
    .join(" ")
    .split(" ")
    .map((name) => `bpf_${name}`)
    // Packet access of classic BPF.
    .concat("skb_load_8", "skb_load_16", "skb_load_32"),
);

/** Those that read the clock, which a kernel with a clock of its own has on its own thread only. */
export const CLOCKS: ReadonlySet<string> = new Set([
  "bpf_ktime_get_ns",
  "bpf_ktime_get_boot_ns",
  "bpf_ktime_get_coarse_ns",
  "bpf_jiffies64",
  "bpf_trace_printk",
  "bpf_trace_vprintk",
]);

/** Whether a program that calls it can run on another executor. */
export function runsAnywhere({ name, body }: Callable | Kfunc, ownClock: boolean): boolean {
  if (body.kind !== "host") return true;
  return ANYWHERE.has(name) && !(ownClock && CLOCKS.has(name));
}
