import type { Grant, GrantRows, GrantTable, ReleaseChanges } from "../grant.ts";
import { plain, when } from "../grant.ts";
import { BASE } from "../grants/base.ts";
import {
  CGROUP_DEVICE,
  CGROUP_SOCK,
  CGROUP_SOCK_ADDR,
  CGROUP_SOCKOPT,
  CGROUP_SYSCTL,
} from "../grants/cgroup.ts";
import { LWT_SEG6LOCAL, SK_MSG, SOCKET_FILTER, TC } from "../grants/packet.ts";
import { RAW_TRACEPOINT, TRACING, TRACING_BASE } from "../grants/tracing.ts";
import { btf, type HelperName } from "../prototype.ts";
import { PROTOTYPES, type PrototypeName } from "../prototype-table.ts";

/** What all types have today and only some had then. */
const NOT_FOR_ALL = [
  "get_current_pid_tgid",
  "get_ns_current_pid_tgid",
  "get_current_uid_gid",
  "get_current_comm",
  "get_current_cgroup_id",
  "get_current_ancestor_cgroup_id",
  "current_task_under_cgroup",
  "perf_event_read",
  "perf_event_read_value",
  "send_signal",
  "send_signal_thread",
  "get_task_stack",
  "copy_from_user",
  "copy_from_user_task",
  "task_storage_get",
  "task_storage_delete",
  "get_branch_snapshot",
  "find_vma",
] as const satisfies readonly HelperName[];

/** `cgroup_current_func_proto` */
const OF_CURRENT_CGROUP: GrantRows = {
  ...plain([
    "get_current_uid_gid",
    "get_current_pid_tgid",
    "get_current_comm",
    "get_current_cgroup_id",
    "get_current_ancestor_cgroup_id",
  ]),
  get_cgroup_classid: when({ config: "CGROUP_NET_CLASSID" }, "bpf_get_cgroup_classid_curr"),
};

function without(...helpers: readonly HelperName[]): { [helper in HelperName]?: "absent" } {
  return Object.fromEntries(helpers.map((helper) => [helper, "absent"]));
}

/** Look-ups of sockets, whose tuple could not be empty. */
const TUPLE_LOOKUPS = (Object.keys(PROTOTYPES) as PrototypeName[]).filter((name) =>
  /_skc?_lookup_(tcp|udp)$/.test(name),
);

/** The helpers of Linux 6.1, as Debian 12 has it, where they are not those of 6.18. */
export const LINUX_6_1: ReleaseChanges = {
  helpers: 209,
  rows: new Map<GrantTable, { readonly [helper in HelperName]?: Grant | "absent" }>([
    [BASE, without(...NOT_FOR_ALL, "get_cgroup_classid")],
    [TRACING_BASE, plain(NOT_FOR_ALL)],
    [RAW_TRACEPOINT, without("get_attach_cookie")],
    [TRACING, { get_attach_cookie: when({ trampoline: true }, "bpf_get_attach_cookie_tracing") }],
    [SOCKET_FILTER, without("get_netns_cookie")],
    [TC, without("get_netns_cookie")],
    [
      SK_MSG,
      {
        ...plain([
          "get_current_uid_gid",
          "get_current_pid_tgid",
          "get_current_cgroup_id",
          "get_current_ancestor_cgroup_id",
        ]),
        get_cgroup_classid: when({ config: "CGROUP_NET_CLASSID" }, "bpf_get_cgroup_classid_curr"),
      },
    ],
    [CGROUP_DEVICE, OF_CURRENT_CGROUP],
    [CGROUP_SOCK, OF_CURRENT_CGROUP],
    [CGROUP_SOCK_ADDR, OF_CURRENT_CGROUP],
    [CGROUP_SYSCTL, OF_CURRENT_CGROUP],
    [CGROUP_SOCKOPT, OF_CURRENT_CGROUP],
    [LWT_SEG6LOCAL, { skb_pull_data: null }],
  ]),
  prototypes: {
    // Written out since 6.10, and called like any other helper before.
    bpf_get_smp_processor_id: { fastcall: false },
    // Trusted pointers came with 6.2.
    bpf_get_current_task_btf: { returns: btf("task_struct") },
    // Since 6.14 what is called next may move the packet.
    bpf_tail_call: { changesPacket: false },
    // Of system calls in programs, 6.1 says so only of types.
    bpf_sys_bpf: { mightSleep: false },
    bpf_sys_close: { mightSleep: false },
  },
  arguments: {
    bpf_get_socket_ptr_cookie: { 1: "btfSock" },
    bpf_inode_storage_get: { 2: "inode" },
    bpf_inode_storage_delete: { 2: "inode" },
    bpf_task_storage_get: { 2: "task" },
    bpf_task_storage_delete: { 2: "task" },
    bpf_sk_storage_get_tracing: { 2: "sockCommonBtf" },
    bpf_sk_storage_delete_tracing: { 2: "sockCommonBtf" },
    bpf_tcp_raw_gen_syncookie_ipv4: { 1: "unqualified", 2: "unqualified", 3: "size" },
    bpf_tcp_raw_gen_syncookie_ipv6: { 1: "unqualified", 2: "unqualified", 3: "size" },
    bpf_tcp_raw_check_syncookie_ipv4: { 1: "unqualified", 2: "unqualified" },
    bpf_tcp_raw_check_syncookie_ipv6: { 1: "unqualified", 2: "unqualified" },
    bpf_get_stack_raw_tp: { 2: "mem" },
    bpf_skb_fib_lookup: { 2: "unqualified" },
    bpf_xdp_fib_lookup: { 2: "unqualified" },
    bpf_read_branch_records: { 2: "unqualified" },
    bpf_d_path: { 2: "unqualified" },
    bpf_snprintf: { 1: "unqualified" },
    bpf_snprintf_btf: { 1: "unqualified" },
    bpf_kallsyms_lookup_name: { 1: "unqualified" },
    ...Object.fromEntries(TUPLE_LOOKUPS.map((name) => [name, { 3: "size" }])),
    bpf_skb_check_mtu: { 3: "wordOut" },
    bpf_xdp_check_mtu: { 3: "wordOut" },
    bpf_strncmp: { 1: "unqualified" },
    bpf_sysctl_get_name: { 2: "unqualified" },
  },
};
