import { existsSync, readFileSync } from "node:fs";
import { hexOf } from "../../src/base/index.ts";
import { Btf } from "../../src/btf/index.ts";
import type { Generator } from "../generator.ts";
import { type Selection, subset } from "./subset.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";
const RELEASE = "6.18";
const OUTPUT = "src/platform/generated/kernel-btf.ts";

/** Classes of trace events whose records every kernel knows, whatever types it is given. */
const TRACE_RECORDS: readonly string[] = [
  ...["sched_switch", "sched_wakeup_template", "sched_process_template", "sched_process_fork"],
  ...["sched_process_exec", "sched_process_exit", "sched_migrate_task", "sched_stat_runtime"],
  ...["sys_enter", "sys_exit", "task_newtask", "task_rename", "signal_generate", "signal_deliver"],
  ...["block_rq", "block_rq_completion", "block_rq_requeue", "block_bio", "block_bio_complete"],
  ...["net_dev_template", "net_dev_start_xmit", "net_dev_xmit", "napi_poll", "kfree_skb", "consume_skb"],
  ...["inet_sock_set_state", "tcp_event_sk", "tcp_retransmit_skb", "irq_handler_entry", "irq_handler_exit"],
  ...["softirq", "timer_class", "timer_start", "timer_expire_entry", "hrtimer_start"],
  ...["hrtimer_expire_entry", "hrtimer_class", "exceptions", "kmalloc", "kfree", "mm_page_alloc"],
  ...["mm_page_free", "cpu", "workqueue_queue_work", "workqueue_execute_start", "mark_victim"],
];

/** What rewrites, packets, sockets, maps, tasks and events need. */
const STRUCTS: Selection = new Map<string, "all" | readonly string[]>([
  ["__sk_buff", "all"],
  ["sk_buff", "all"],
  ["skb_shared_info", "all"],
  ["qdisc_skb_cb", "all"],
  ["bpf_skb_data_end", "all"],
  ["sk_skb_cb", ["data", "pad", "temp_reg"]],
  ["bpf_flow_dissector", "all"],
  ["bpf_flow_keys", "all"],
  ["xdp_md", "all"],
  ["xdp_buff", "all"],
  ["xdp_rxq_info", "all"],
  ["xdp_txq_info", "all"],
  ["xdp_frame", "all"],
  [
    "net_device",
    [
      "name",
      "ifindex",
      "mtu",
      "flags",
      "type",
      "dev_addr",
      "addr_len",
      "hard_header_len",
      "nd_net",
      "num_rx_queues",
      "real_num_rx_queues",
      "real_num_tx_queues",
      "group",
    ],
  ],
  ["net", ["ns", "net_cookie", "ifindex", "loopback_dev"]],
  ["sock_common", "all"],
  [
    "sock",
    [
      "__sk_common",
      "sk_mark",
      "sk_priority",
      "sk_type",
      "sk_protocol",
      "sk_rcvbuf",
      "sk_sndbuf",
      "sk_rx_dst_ifindex",
      "sk_uid",
      "sk_socket",
      "sk_txhash",
      "sk_bpf_storage",
      "sk_cgrp_data",
    ],
  ],
  // Contexts of programs at sockets, cgroups and events, and what their fields lead to.
  ["bpf_sock", "all"],
  ["bpf_tcp_sock", "all"],
  ["bpf_xdp_sock", "all"],
  ["bpf_sock_addr", "all"],
  ["bpf_sock_addr_kern", "all"],
  ["bpf_sock_ops", "all"],
  ["bpf_sock_ops_kern", "all"],
  ["sk_msg_md", "all"],
  ["sk_msg", ["sg", "data", "data_end", "sk"]],
  ["sk_msg_sg", ["size"]],
  ["sk_reuseport_md", "all"],
  ["sk_reuseport_kern", "all"],
  ["bpf_sk_lookup", "all"],
  ["bpf_sk_lookup_kern", "all"],
  ["bpf_sysctl", "all"],
  ["bpf_sysctl_kern", "all"],
  ["bpf_sockopt", "all"],
  ["bpf_sockopt_kern", "all"],
  ["bpf_cg_run_ctx", ["retval"]],
  ["bpf_cgroup_dev_ctx", "all"],
  ["bpf_nf_ctx", "all"],
  ["bpf_perf_event_data", "all"],
  ["bpf_perf_event_data_kern", "all"],
  ["perf_sample_data", ["period", "addr"]],
  // Tasks, control groups and namespaces, as far as helpers look at them and worlds fill them in.
  [
    "task_struct",
    [
      "thread_info",
      "__state",
      "flags",
      "on_cpu",
      "prio",
      "static_prio",
      "normal_prio",
      "policy",
      "mm",
      "active_mm",
      "exit_state",
      "exit_code",
      "pid",
      "tgid",
      "real_parent",
      "parent",
      "group_leader",
      "utime",
      "stime",
      "start_time",
      "start_boottime",
      "real_cred",
      "cred",
      "comm",
      "nsproxy",
      "cgroups",
      "bpf_ctx",
      "bpf_storage",
    ],
  ],
  ["cred", ["usage", "uid", "gid", "suid", "sgid", "euid", "egid", "fsuid", "fsgid"]],
  ["css_set", ["dfl_cgrp"]],
  ["cgroup", ["self", "level", "kn", "ancestors", "bpf_cgrp_storage"]],
  ["cgroup_subsys_state", ["cgroup", "parent", "id", "serial_nr", "flags"]],
  ["kernfs_node", ["id", "name", "__parent"]],
  ["nsproxy", ["net_ns"]],
  ["seq_file", ["buf", "size", "from", "count", "index", "read_pos", "private"]],
  ["bpf_iter_meta", "all"],
  ["bpf_iter__bpf_map", "all"],
  ["bpf_iter__bpf_map_elem", "all"],
  ["bpf_iter__bpf_prog", "all"],
  ["bpf_iter__bpf_link", "all"],
  ["bpf_iter__cgroup", "all"],
  ["bpf_iter__task", "all"],
  ["bpf_prog", ["type", "len", "expected_attach_type", "aux"]],
  ["bpf_prog_aux", ["id", "name"]],
  ["bpf_link", ["id", "type", "prog"]],
  ["nf_hook_state", "all"],
  // Records of tracepoints that most tools are about.
  ...TRACE_RECORDS.map((name) => [`trace_event_raw_${name}`, "all"] as const),
  ["sockaddr", ["sa_family"]],
  ["sockaddr_in", ["sin_port", "sin_addr"]],
  ["sockaddr_in6", ["sin6_port", "sin6_addr"]],
  ["in_addr", "all"],
  ["in6_addr", "all"],
  ["minmax_sample", "all"],
  ["tcp_skb_cb", ["tcp_flags"]],
  ["inet_connection_sock", ["icsk_retransmits"]],
  ["xdp_sock", ["queue_id"]],
  [
    "tcp_sock",
    [
      "rtt_min",
      "snd_cwnd",
      "srtt_us",
      "bpf_sock_ops_cb_flags",
      "snd_ssthresh",
      "rcv_nxt",
      "snd_nxt",
      "snd_una",
      "mss_cache",
      "ecn_flags",
      "rate_delivered",
      "rate_interval_us",
      "packets_out",
      "retrans_out",
      "total_retrans",
      "segs_in",
      "data_segs_in",
      "segs_out",
      "data_segs_out",
      "lost_out",
      "sacked_out",
      "dsack_dups",
      "delivered",
      "delivered_ce",
      "bytes_received",
      "bytes_acked",
    ],
  ],
  ["cpumask", "all"],
  ["bpf_cpumask", "all"],
  ["vm_area_struct", ["vm_start", "vm_end", "vm_flags", "vm_mm", "vm_file"]],
  ["metadata_dst", ["type", "u"]],
  ["ip_tunnel_info", "all"],
  ["pt_regs", "all"],
  ["bpf_map", "all"],
  ["bpf_array", "all"],
  ["bpf_htab", "all"],
  ["bucket", "all"],
  ["htab_elem", "all"],
  ["bpf_local_storage_elem", []],
  // What the contexts of all program types are called.
  ["bpf_ctx_convert", "all"],
]);

/** The default kernel layout: structs of a running Linux 6.18 with the configuration of a distribution. */
export const platformGenerator: Generator = {
  name: "platform",
  purpose: `kernel structs that rewrites and objects use, from ${VMLINUX} of Linux ${RELEASE}`,
  repeatable: true,
  generate() {
    if (!existsSync(VMLINUX)) return { skipped: `${VMLINUX} is absent` };
    const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
    if (!release.startsWith(`${RELEASE}.`))
      return { skipped: `the running kernel is ${release}, not ${RELEASE}` };
    const bytes = subset(Btf.parse(new Uint8Array(readFileSync(VMLINUX))), STRUCTS);
    const lines = hexOf(bytes).match(/.{1,128}/g)!;
    const text = `// Generated by \`npm run gen -- platform\` from ${VMLINUX} of Linux ${RELEASE}, x86-64. Do not edit.

/** Structs of Linux ${RELEASE} as BTF, in hex: those that context rewrites, packets, sockets and maps use. */
export const KERNEL_BTF: string = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`;
    return { files: new Map([[OUTPUT, text]]), note: `${bytes.length} bytes of BTF` };
  },
};
