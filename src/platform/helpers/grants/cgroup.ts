import { BpfAttachType as A } from "../../../uapi/index.ts";
import { type GrantRows, plain, table, when } from "../grant.ts";
import { BASE, SOCKET_BASE } from "./base.ts";
import { SOCKET_FILTER } from "./packet.ts";

/** Hooks whose return value is no errno. */
const WITHOUT_RETURN_VALUE = [
  A.CGROUP_INET_INGRESS,
  A.CGROUP_INET_EGRESS,
  A.CGROUP_SOCK_OPS,
  A.CGROUP_UDP4_RECVMSG,
  A.CGROUP_UDP6_RECVMSG,
  A.CGROUP_UNIX_RECVMSG,
  A.CGROUP_INET4_GETPEERNAME,
  A.CGROUP_INET6_GETPEERNAME,
  A.CGROUP_UNIX_GETPEERNAME,
  A.CGROUP_INET4_GETSOCKNAME,
  A.CGROUP_INET6_GETSOCKNAME,
  A.CGROUP_UNIX_GETSOCKNAME,
];

/** `cgroup_common_func_proto` */
export const CGROUP_COMMON: GrantRows = {
  get_local_storage: "bpf_get_local_storage",
  ...plain(["get_retval", "set_retval"], { otherAttachTypes: WITHOUT_RETURN_VALUE }),
};

/** `sock_filter_func_proto` */
export const CGROUP_SOCK = table(
  {
    ...CGROUP_COMMON,
    get_socket_cookie: "bpf_get_socket_cookie_sock",
    get_netns_cookie: "bpf_get_netns_cookie_sock",
    perf_event_output: "bpf_event_output_data",
    sk_storage_get: "bpf_sk_storage_get_cg_sock",
    ktime_get_coarse_ns: "bpf_ktime_get_coarse_ns",
  },
  BASE,
);

/** All hooks of the type, which is what setsockopt and getsockopt ask for one by one. */
const SOCK_ADDR_HOOKS = [
  A.CGROUP_INET4_BIND,
  A.CGROUP_INET6_BIND,
  A.CGROUP_INET4_CONNECT,
  A.CGROUP_INET6_CONNECT,
  A.CGROUP_UNIX_CONNECT,
  A.CGROUP_UDP4_RECVMSG,
  A.CGROUP_UDP6_RECVMSG,
  A.CGROUP_UNIX_RECVMSG,
  A.CGROUP_UDP4_SENDMSG,
  A.CGROUP_UDP6_SENDMSG,
  A.CGROUP_UNIX_SENDMSG,
  A.CGROUP_INET4_GETPEERNAME,
  A.CGROUP_INET6_GETPEERNAME,
  A.CGROUP_UNIX_GETPEERNAME,
  A.CGROUP_INET4_GETSOCKNAME,
  A.CGROUP_INET6_GETSOCKNAME,
  A.CGROUP_UNIX_GETSOCKNAME,
];

/** `sock_addr_func_proto` */
export const CGROUP_SOCK_ADDR = table(
  {
    ...CGROUP_COMMON,
    bind: when({ attachTypes: [A.CGROUP_INET4_CONNECT, A.CGROUP_INET6_CONNECT] }, "bpf_bind"),
    get_socket_cookie: "bpf_get_socket_cookie_sock_addr",
    get_netns_cookie: "bpf_get_netns_cookie_sock_addr",
    perf_event_output: "bpf_event_output_data",
    sk_lookup_tcp: "bpf_sock_addr_sk_lookup_tcp",
    sk_lookup_udp: "bpf_sock_addr_sk_lookup_udp",
    skc_lookup_tcp: "bpf_sock_addr_skc_lookup_tcp",
    ...plain(["sk_release", "sk_storage_get", "sk_storage_delete"]),
    setsockopt: when({ attachTypes: SOCK_ADDR_HOOKS }, "bpf_sock_addr_setsockopt"),
    getsockopt: when({ attachTypes: SOCK_ADDR_HOOKS }, "bpf_sock_addr_getsockopt"),
  },
  SOCKET_BASE,
);

/** `cg_skb_func_proto` */
export const CGROUP_SKB = table(
  {
    ...CGROUP_COMMON,
    ...plain([
      "sk_fullsock",
      "sk_storage_get",
      "sk_storage_delete",
      "sk_lookup_tcp",
      "sk_lookup_udp",
      "sk_release",
      "skc_lookup_tcp",
      "tcp_sock",
      "get_listener_sock",
      "skb_ecn_set_ce",
    ]),
    ...plain(["skb_cgroup_id", "skb_ancestor_cgroup_id", "sk_cgroup_id", "sk_ancestor_cgroup_id"], {
      config: "SOCK_CGROUP_DATA",
    }),
    perf_event_output: "bpf_skb_event_output",
  },
  SOCKET_FILTER,
);

/** `sock_ops_func_proto` */
export const SOCK_OPS = table(
  {
    ...CGROUP_COMMON,
    setsockopt: "bpf_sock_ops_setsockopt",
    getsockopt: "bpf_sock_ops_getsockopt",
    get_socket_cookie: "bpf_get_socket_cookie_sock_ops",
    perf_event_output: "bpf_event_output_data",
    get_netns_cookie: "bpf_get_netns_cookie_sock_ops",
    load_hdr_opt: "bpf_sock_ops_load_hdr_opt",
    store_hdr_opt: "bpf_sock_ops_store_hdr_opt",
    reserve_hdr_opt: "bpf_sock_ops_reserve_hdr_opt",
    ...plain([
      "sock_ops_cb_flags_set",
      "sock_map_update",
      "sock_hash_update",
      "sk_storage_get",
      "sk_storage_delete",
      "tcp_sock",
    ]),
  },
  SOCKET_BASE,
);

/** `cgroup_dev_func_proto` */
export const CGROUP_DEVICE = table({ ...CGROUP_COMMON, perf_event_output: "bpf_event_output_data" }, BASE);

/** `sysctl_func_proto` */
export const CGROUP_SYSCTL = table(
  {
    ...CGROUP_COMMON,
    ...plain([
      "sysctl_get_name",
      "sysctl_get_current_value",
      "sysctl_get_new_value",
      "sysctl_set_new_value",
      "ktime_get_coarse_ns",
    ]),
    perf_event_output: "bpf_event_output_data",
  },
  BASE,
);

/** `cg_sockopt_func_proto` */
export const CGROUP_SOCKOPT = table(
  {
    ...CGROUP_COMMON,
    get_netns_cookie: "bpf_get_netns_cookie_sockopt",
    ...plain(["sk_storage_get", "sk_storage_delete", "tcp_sock"]),
    setsockopt: when({ attachTypes: [A.CGROUP_SETSOCKOPT] }, "bpf_sk_setsockopt"),
    getsockopt: when({ attachTypes: [A.CGROUP_SETSOCKOPT] }, "bpf_sk_getsockopt"),
    perf_event_output: "bpf_event_output_data",
  },
  BASE,
);
