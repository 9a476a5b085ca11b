import { BpfAttachType as A } from "../../uapi/index.ts";
import type { ContextField, FieldAccess, StructContext } from "./context.ts";
import { DWORD, field, member, NARROW, NARROW_START, structContext, WORD } from "./field.ts";
import { TCP_WORDS } from "./tcp-words.ts";

/** 2 bytes wide, once 4: programs of both ages read it. */
const PORT: FieldAccess = { reads: { 1: 2, 2: 2, 4: 4 }, writes: [] };

/** `struct bpf_sock` over `struct sock` (`bpf_sock_is_valid_access`, `bpf_sock_convert_ctx_access`). */
const FIELDS: readonly ContextField[] = [
  field("bound_dev_if", WORD, member("sock.__sk_common.skc_bound_dev_if")),
  field("family", NARROW_START, member("sock_common.skc_family")),
  field("type", NARROW_START, member("sock.sk_type")),
  field("protocol", NARROW_START, member("sock.sk_protocol")),
  field("mark", WORD, member("sock.sk_mark")),
  field("priority", WORD, member("sock.sk_priority")),
  field("src_ip4", NARROW, member("sock_common.skc_rcv_saddr", "own")),
  field("src_ip6", NARROW, member("sock_common.skc_v6_rcv_saddr", "own")),
  field("src_port", NARROW_START, member("sock_common.skc_num")),
  field("dst_port", PORT, member("sock_common.skc_dport")),
  field("dst_ip4", NARROW, member("sock_common.skc_daddr", "own")),
  field("dst_ip6", NARROW, member("sock_common.skc_v6_daddr", "own")),
  field("state", NARROW_START, member("sock_common.skc_state")),
  field("rx_queue_mapping", NARROW_START, { kind: "sequence", name: "receiveQueue" }),
];

const CREATION = { attachTypes: [A.CGROUP_INET_SOCK_CREATE, A.CGROUP_INET_SOCK_RELEASE] };
const IP4 = { attachTypes: [A.CGROUP_INET4_POST_BIND] };
const IP6 = { attachTypes: [A.CGROUP_INET6_POST_BIND] };
const BOUND = { attachTypes: [A.CGROUP_INET4_POST_BIND, A.CGROUP_INET6_POST_BIND] };

/** `sock_filter_is_valid_access` */
export const CGROUP_SOCK_CONTEXT: StructContext = structContext("bpf_sock", "sock", FIELDS, {
  readableIf: {
    bound_dev_if: CREATION,
    mark: CREATION,
    priority: CREATION,
    src_ip4: IP4,
    src_ip6: IP6,
    src_port: BOUND,
  },
  writableIf: { bound_dev_if: CREATION, mark: CREATION, priority: CREATION },
});

/** What `PTR_TO_SOCKET` points at (`bpf_sock_is_valid_access`). */
export const SOCKET_VIEW: StructContext = structContext("bpf_sock", "sock", FIELDS, {});

/** What `PTR_TO_SOCK_COMMON` points at (`bpf_sock_common_is_valid_access`). */
export const SOCK_COMMON_VIEW: StructContext = structContext("bpf_sock", "sock", FIELDS, {
  hidden: ["type", "protocol", "mark", "priority"],
});

/** What `PTR_TO_TCP_SOCK` points at (`bpf_tcp_sock_is_valid_access`, `bpf_tcp_sock_convert_ctx_access`). */
export const TCP_SOCK_VIEW: StructContext = structContext(
  "bpf_tcp_sock",
  "tcp_sock",
  [
    ...[...TCP_WORDS, "dsack_dups", "delivered", "delivered_ce"].map((name) =>
      field(name, WORD, member(`tcp_sock.${name}`)),
    ),
    field("rtt_min", WORD, member("tcp_sock.rtt_min+minmax_sample.v", 4)),
    field("icsk_retransmits", WORD, member("inet_connection_sock.icsk_retransmits")),
    field("bytes_received", DWORD, member("tcp_sock.bytes_received")),
    field("bytes_acked", DWORD, member("tcp_sock.bytes_acked")),
  ],
  {},
  // The upper halves of the 64-bit counters.
  WORD,
);

/** What `PTR_TO_XDP_SOCK` points at (`bpf_xdp_sock_is_valid_access`, `bpf_xdp_sock_convert_ctx_access`). */
export const XDP_SOCK_VIEW: StructContext = structContext(
  "bpf_xdp_sock",
  "xdp_sock",
  [field("queue_id", WORD, member("xdp_sock.queue_id"))],
  {},
);

/** What programs see through pointers to sockets that are no context, by register type. */
export const OBJECT_VIEWS = {
  PTR_TO_SOCK_COMMON: SOCK_COMMON_VIEW,
  PTR_TO_SOCKET: SOCKET_VIEW,
  PTR_TO_TCP_SOCK: TCP_SOCK_VIEW,
  PTR_TO_XDP_SOCK: XDP_SOCK_VIEW,
} as const satisfies { readonly [type: string]: StructContext };
