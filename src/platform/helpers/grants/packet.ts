import { plain, table, when } from "../grant.ts";
import { BASE, SOCKET_BASE } from "./base.ts";

/** `sk_filter_func_proto` */
export const SOCKET_FILTER = table(
  {
    ...plain([
      "skb_load_bytes",
      "skb_load_bytes_relative",
      "get_socket_cookie",
      "get_netns_cookie",
      "get_socket_uid",
    ]),
    perf_event_output: "bpf_skb_event_output",
  },
  SOCKET_BASE,
);

const SYN_COOKIES = plain(
  [
    "tcp_raw_gen_syncookie_ipv4",
    "tcp_raw_gen_syncookie_ipv6",
    "tcp_raw_check_syncookie_ipv4",
    "tcp_raw_check_syncookie_ipv6",
  ],
  { config: "SYN_COOKIES" },
);

/** `tc_cls_act_func_proto` */
export const TC = table(
  {
    ...plain([
      "skb_store_bytes",
      "skb_load_bytes",
      "skb_load_bytes_relative",
      "skb_pull_data",
      "csum_diff",
      "csum_update",
      "csum_level",
      "l3_csum_replace",
      "l4_csum_replace",
      "clone_redirect",
      "get_cgroup_classid",
      "skb_vlan_push",
      "skb_vlan_pop",
      "skb_change_proto",
      "skb_change_type",
      "skb_adjust_room",
      "skb_change_tail",
      "skb_change_head",
      "skb_get_tunnel_key",
      "skb_set_tunnel_key",
      "skb_get_tunnel_opt",
      "skb_set_tunnel_opt",
      "redirect",
      "redirect_neigh",
      "redirect_peer",
      "get_route_realm",
      "get_hash_recalc",
      "set_hash_invalid",
      "set_hash",
      "get_smp_processor_id",
      "skb_under_cgroup",
      "get_socket_cookie",
      "get_netns_cookie",
      "get_socket_uid",
      "sk_fullsock",
      "sk_storage_get",
      "sk_storage_delete",
      "sk_release",
      "tcp_sock",
      "get_listener_sock",
      "tcp_check_syncookie",
      "skb_ecn_set_ce",
      "tcp_gen_syncookie",
      "sk_assign",
      "skb_set_tstamp",
    ]),
    ...plain(["skb_get_xfrm_state"], { config: "XFRM" }),
    ...plain(["skb_cgroup_classid"], { config: "CGROUP_NET_CLASSID" }),
    ...plain(["skb_cgroup_id", "skb_ancestor_cgroup_id"], { config: "SOCK_CGROUP_DATA" }),
    ...SYN_COOKIES,
    perf_event_output: "bpf_skb_event_output",
    fib_lookup: "bpf_skb_fib_lookup",
    check_mtu: "bpf_skb_check_mtu",
    sk_lookup_tcp: "bpf_tc_sk_lookup_tcp",
    sk_lookup_udp: "bpf_tc_sk_lookup_udp",
    skc_lookup_tcp: "bpf_tc_skc_lookup_tcp",
  },
  SOCKET_BASE,
);

/** `xdp_func_proto` */
export const XDP = table(
  {
    ...plain([
      "get_smp_processor_id",
      "csum_diff",
      "xdp_adjust_head",
      "xdp_adjust_meta",
      "xdp_adjust_tail",
      "xdp_get_buff_len",
      "xdp_load_bytes",
      "xdp_store_bytes",
      "sk_release",
      "tcp_check_syncookie",
      "tcp_gen_syncookie",
    ]),
    ...SYN_COOKIES,
    perf_event_output: "bpf_xdp_event_output",
    redirect: "bpf_xdp_redirect",
    redirect_map: "bpf_xdp_redirect_map",
    fib_lookup: "bpf_xdp_fib_lookup",
    check_mtu: "bpf_xdp_check_mtu",
    sk_lookup_udp: "bpf_xdp_sk_lookup_udp",
    sk_lookup_tcp: "bpf_xdp_sk_lookup_tcp",
    skc_lookup_tcp: "bpf_xdp_skc_lookup_tcp",
  },
  SOCKET_BASE,
);

/** `sk_skb_func_proto` */
export const SK_SKB = table(
  {
    ...plain([
      "skb_store_bytes",
      "skb_load_bytes",
      "get_socket_cookie",
      "get_socket_uid",
      "sk_redirect_map",
      "sk_redirect_hash",
      "sk_lookup_tcp",
      "sk_lookup_udp",
      "sk_release",
      "skc_lookup_tcp",
    ]),
    skb_pull_data: "sk_skb_pull_data",
    skb_change_tail: "sk_skb_change_tail",
    skb_change_head: "sk_skb_change_head",
    skb_adjust_room: "sk_skb_adjust_room",
    perf_event_output: "bpf_skb_event_output",
  },
  SOCKET_BASE,
);

/** `flow_dissector_func_proto` */
export const FLOW_DISSECTOR = table({ skb_load_bytes: "bpf_flow_dissector_load_bytes" }, SOCKET_BASE);

/** `lwt_out_func_proto` */
export const LWT_OUT = table(
  {
    ...plain([
      "skb_load_bytes",
      "skb_pull_data",
      "csum_diff",
      "get_cgroup_classid",
      "get_route_realm",
      "get_hash_recalc",
      "get_smp_processor_id",
      "skb_under_cgroup",
    ]),
    perf_event_output: "bpf_skb_event_output",
  },
  SOCKET_BASE,
);

/** `lwt_in_func_proto` */
export const LWT_IN = table({ lwt_push_encap: "bpf_lwt_in_push_encap" }, LWT_OUT);

/** `lwt_xmit_func_proto` */
export const LWT_XMIT = table(
  {
    ...plain([
      "skb_get_tunnel_key",
      "skb_set_tunnel_key",
      "skb_get_tunnel_opt",
      "skb_set_tunnel_opt",
      "redirect",
      "clone_redirect",
      "skb_change_tail",
      "skb_change_head",
      "skb_store_bytes",
      "csum_update",
      "csum_level",
      "l3_csum_replace",
      "l4_csum_replace",
      "set_hash_invalid",
    ]),
    lwt_push_encap: "bpf_lwt_xmit_push_encap",
  },
  LWT_OUT,
);

/** `lwt_seg6local_func_proto` */
export const LWT_SEG6LOCAL = table(
  plain(["lwt_seg6_store_bytes", "lwt_seg6_action", "lwt_seg6_adjust_srh"], { config: "IPV6_SEG6_BPF" }),
  LWT_OUT,
);

/** `sk_msg_func_proto` */
export const SK_MSG = table(
  {
    ...plain([
      "msg_redirect_map",
      "msg_redirect_hash",
      "msg_apply_bytes",
      "msg_cork_bytes",
      "msg_pull_data",
      "msg_push_data",
      "msg_pop_data",
      "sk_storage_get",
      "sk_storage_delete",
    ]),
    perf_event_output: "bpf_event_output_data",
    get_netns_cookie: "bpf_get_netns_cookie_sk_msg",
  },
  SOCKET_BASE,
);

/** `sk_reuseport_func_proto` */
export const SK_REUSEPORT = table(
  {
    sk_select_reuseport: "sk_select_reuseport",
    skb_load_bytes: "sk_reuseport_load_bytes",
    skb_load_bytes_relative: "sk_reuseport_load_bytes_relative",
    get_socket_cookie: "bpf_get_socket_ptr_cookie",
    ktime_get_coarse_ns: "bpf_ktime_get_coarse_ns",
  },
  BASE,
);

/** `sk_lookup_func_proto` */
export const SK_LOOKUP = table(
  {
    perf_event_output: "bpf_event_output_data",
    sk_assign: "bpf_sk_lookup_assign",
    sk_release: "bpf_sk_release",
  },
  SOCKET_BASE,
);

/** `lirc_mode2_func_proto`, the one type that has no other. */
export const LIRC_MODE2 = table(
  {
    ...plain([
      "rc_repeat",
      "rc_keydown",
      "rc_pointer_rel",
      "map_lookup_elem",
      "map_update_elem",
      "map_delete_elem",
      "map_push_elem",
      "map_pop_elem",
      "map_peek_elem",
      "ktime_get_ns",
      "ktime_get_boot_ns",
      "tail_call",
    ]),
    get_prandom_u32: "bpf_user_rnd_u32",
    trace_printk: when({ capability: "perfmon" }, "bpf_trace_printk"),
  },
  null,
);
