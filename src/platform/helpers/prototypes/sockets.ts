import type { ArgumentName } from "../arguments.ts";
import { btfOrNull, prototype, RETURNS } from "../prototype.ts";

/** Context, tuple and its size, network namespace, flags. */
const TUPLE_LOOKUP: readonly ArgumentName[] = ["ctx", "mem", "sizeOrZero", "any", "any"];

/** Sockets, messages between them, TCP. */
export const SOCKETS_PROTOTYPES = {
  bpf_get_socket_cookie: prototype("get_socket_cookie", ["ctx"]),
  bpf_get_socket_cookie_sock: prototype("get_socket_cookie", ["ctx"]),
  bpf_get_socket_cookie_sock_addr: prototype("get_socket_cookie", ["ctx"]),
  bpf_get_socket_cookie_sock_ops: prototype("get_socket_cookie", ["ctx"]),
  bpf_get_socket_ptr_cookie: prototype("get_socket_cookie", ["btfSockOrNull"]),
  bpf_get_socket_uid: prototype("get_socket_uid", ["ctx"]),
  bpf_sk_setsockopt: prototype("setsockopt", ["btfSock", "any", "any", "mem", "size"]),
  bpf_sock_addr_setsockopt: prototype("setsockopt", ["ctx", "any", "any", "mem", "size"]),
  bpf_sock_ops_setsockopt: prototype("setsockopt", ["ctx", "any", "any", "mem", "size"]),
  bpf_unlocked_sk_setsockopt: prototype("setsockopt", ["btfSock", "any", "any", "mem", "size"]),
  bpf_sk_redirect_map: prototype("sk_redirect_map", ["ctx", "map", "any", "any"]),
  bpf_sock_map_update: prototype("sock_map_update", ["ctx", "map", "key", "any"], { packetAccess: true }),
  bpf_sk_getsockopt: prototype("getsockopt", ["btfSock", "any", "any", "out", "size"]),
  bpf_sock_addr_getsockopt: prototype("getsockopt", ["ctx", "any", "any", "out", "size"]),
  bpf_sock_ops_getsockopt: prototype("getsockopt", ["ctx", "any", "any", "out", "size"]),
  bpf_unlocked_sk_getsockopt: prototype("getsockopt", ["btfSock", "any", "any", "out", "size"]),
  bpf_sock_ops_cb_flags_set: prototype("sock_ops_cb_flags_set", ["ctx", "any"]),
  bpf_msg_redirect_map: prototype("msg_redirect_map", ["ctx", "map", "any", "any"]),
  bpf_msg_apply_bytes: prototype("msg_apply_bytes", ["ctx", "any"]),
  bpf_msg_cork_bytes: prototype("msg_cork_bytes", ["ctx", "any"]),
  bpf_msg_pull_data: prototype("msg_pull_data", ["ctx", "any", "any", "any"]),
  bpf_bind: prototype("bind", ["ctx", "mem", "size"]),
  bpf_sock_hash_update: prototype("sock_hash_update", ["ctx", "map", "key", "any"], { packetAccess: true }),
  bpf_msg_redirect_hash: prototype("msg_redirect_hash", ["ctx", "map", "key", "any"]),
  bpf_sk_redirect_hash: prototype("sk_redirect_hash", ["ctx", "map", "key", "any"]),
  sk_select_reuseport: prototype("sk_select_reuseport", ["ctx", "map", "key", "any"]),
  bpf_sk_lookup_tcp: prototype("sk_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_sock_addr_sk_lookup_tcp: prototype("sk_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
  }),
  bpf_tc_sk_lookup_tcp: prototype("sk_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_xdp_sk_lookup_tcp: prototype("sk_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_sk_lookup_udp: prototype("sk_lookup_udp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_sock_addr_sk_lookup_udp: prototype("sk_lookup_udp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
  }),
  bpf_tc_sk_lookup_udp: prototype("sk_lookup_udp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_xdp_sk_lookup_udp: prototype("sk_lookup_udp", TUPLE_LOOKUP, {
    returns: RETURNS.socketOrNull,
    packetAccess: true,
  }),
  bpf_sk_release: prototype("sk_release", ["btfSockRelease"]),
  bpf_msg_push_data: prototype("msg_push_data", ["ctx", "any", "any", "any"]),
  bpf_msg_pop_data: prototype("msg_pop_data", ["ctx", "any", "any", "any"]),
  bpf_sk_fullsock: prototype("sk_fullsock", ["sockCommon"], { returns: RETURNS.socketOrNull }),
  bpf_tcp_sock: prototype("tcp_sock", ["sockCommon"], { returns: RETURNS.tcpSockOrNull }),
  bpf_get_listener_sock: prototype("get_listener_sock", ["sockCommon"], { returns: RETURNS.socketOrNull }),
  bpf_skc_lookup_tcp: prototype("skc_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.sockCommonOrNull,
    packetAccess: true,
  }),
  bpf_sock_addr_skc_lookup_tcp: prototype("skc_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.sockCommonOrNull,
  }),
  bpf_tc_skc_lookup_tcp: prototype("skc_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.sockCommonOrNull,
    packetAccess: true,
  }),
  bpf_xdp_skc_lookup_tcp: prototype("skc_lookup_tcp", TUPLE_LOOKUP, {
    returns: RETURNS.sockCommonOrNull,
    packetAccess: true,
  }),
  bpf_tcp_check_syncookie: prototype("tcp_check_syncookie", ["btfSock", "mem", "size", "mem", "size"], {
    gplOnly: true,
    packetAccess: true,
  }),
  bpf_tcp_gen_syncookie: prototype("tcp_gen_syncookie", ["btfSock", "mem", "size", "mem", "size"], {
    gplOnly: true,
    packetAccess: true,
  }),
  bpf_tcp_send_ack: prototype("tcp_send_ack", ["tcpSock", "any"]),
  bpf_get_netns_cookie: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_get_netns_cookie_sk_msg: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_get_netns_cookie_sock: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_get_netns_cookie_sock_addr: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_get_netns_cookie_sock_ops: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_get_netns_cookie_sockopt: prototype("get_netns_cookie", ["ctxOrNull"]),
  bpf_sk_assign: prototype("sk_assign", ["ctx", "btfSock", "any"]),
  bpf_sk_lookup_assign: prototype("sk_assign", ["ctx", "socketOrNull", "any"]),
  bpf_sk_cgroup_id: prototype("sk_cgroup_id", ["btfSock"]),
  bpf_sk_ancestor_cgroup_id: prototype("sk_ancestor_cgroup_id", ["btfSock", "any"]),
  bpf_skc_to_tcp6_sock: prototype("skc_to_tcp6_sock", ["btfSock"], { returns: btfOrNull("tcp6_sock") }),
  bpf_skc_to_tcp_sock: prototype("skc_to_tcp_sock", ["btfSock"], { returns: btfOrNull("tcp_sock") }),
  bpf_skc_to_tcp_timewait_sock: prototype("skc_to_tcp_timewait_sock", ["btfSock"], {
    returns: btfOrNull("tcp_timewait_sock"),
  }),
  bpf_skc_to_tcp_request_sock: prototype("skc_to_tcp_request_sock", ["btfSock"], {
    returns: btfOrNull("tcp_request_sock"),
  }),
  bpf_skc_to_udp6_sock: prototype("skc_to_udp6_sock", ["btfSock"], { returns: btfOrNull("udp6_sock") }),
  bpf_sock_ops_load_hdr_opt: prototype("load_hdr_opt", ["ctx", "inOut", "size", "any"]),
  bpf_sock_ops_store_hdr_opt: prototype("store_hdr_opt", ["ctx", "mem", "size", "any"]),
  bpf_sock_ops_reserve_hdr_opt: prototype("reserve_hdr_opt", ["ctx", "any", "any"]),
  bpf_sock_from_file: prototype("sock_from_file", ["file"], { returns: btfOrNull("socket") }),
  bpf_skc_to_unix_sock: prototype("skc_to_unix_sock", ["btfSock"], { returns: btfOrNull("unix_sock") }),
  bpf_skc_to_mptcp_sock: prototype("skc_to_mptcp_sock", ["sockCommon"], { returns: btfOrNull("mptcp_sock") }),
  bpf_tcp_raw_gen_syncookie_ipv4: prototype("tcp_raw_gen_syncookie_ipv4", ["ipHeader", "mem", "sizeOrZero"], {
    gplOnly: true,
    packetAccess: true,
  }),
  bpf_tcp_raw_gen_syncookie_ipv6: prototype(
    "tcp_raw_gen_syncookie_ipv6",
    ["ip6Header", "mem", "sizeOrZero"],
    { gplOnly: true, packetAccess: true },
  ),
  bpf_tcp_raw_check_syncookie_ipv4: prototype("tcp_raw_check_syncookie_ipv4", ["ipHeader", "tcpHeader"], {
    gplOnly: true,
    packetAccess: true,
  }),
  bpf_tcp_raw_check_syncookie_ipv6: prototype("tcp_raw_check_syncookie_ipv6", ["ip6Header", "tcpHeader"], {
    gplOnly: true,
    packetAccess: true,
  }),
};
