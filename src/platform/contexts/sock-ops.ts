import type { FieldRewrite, StructContext } from "./context.ts";
import {
  DWORD,
  DWORDS,
  field,
  member,
  NARROW_START,
  PACKET,
  PACKET_END,
  SOCKET_OR_NULL,
  structContext,
  WORD,
} from "./field.ts";
import { TCP_WORDS } from "./tcp-words.ts";

const SOCKET_POINTER = "bpf_sock_ops_kern.sk";

function ofSocket(path: string, more: { shift?: number; indexed?: boolean } = {}): FieldRewrite {
  const size = more.indexed ? 4 : "member";
  return { kind: "follow", pointers: [SOCKET_POINTER], path, size, ...more };
}

/** A member of a socket that is locked and a full one; in other calls of the program it reads as 0. */
function locked(path: string): FieldRewrite {
  return {
    kind: "guarded",
    guard: "bpf_sock_ops_kern.is_locked_tcp_sock",
    pointer: SOCKET_POINTER,
    path,
    temporary: "bpf_sock_ops_kern.temp",
  };
}

/** A member of the packet, where there is one. */
function ofPacket(path: string): FieldRewrite {
  return { kind: "follow", pointers: ["bpf_sock_ops_kern.skb"], path, size: "member", nullTest: true };
}

/** `sock_ops_is_valid_access`, `sock_ops_convert_ctx_access` */
export const SOCK_OPS_CONTEXT: StructContext = structContext(
  "bpf_sock_ops",
  "bpf_sock_ops_kern",
  [
    field("op", WORD, member("bpf_sock_ops_kern.op")),
    // Placed before `reply`, which is the first word of it and can be written.
    field("replylong", WORD, member("bpf_sock_ops_kern.replylong", "own")),
    field("reply", WORD, member("bpf_sock_ops_kern.reply", "own")),
    field("family", WORD, ofSocket("sock_common.skc_family")),
    field("remote_ip4", WORD, ofSocket("sock_common.skc_daddr")),
    field("local_ip4", WORD, ofSocket("sock_common.skc_rcv_saddr")),
    field("remote_ip6", WORD, ofSocket("sock_common.skc_v6_daddr", { indexed: true })),
    field("local_ip6", WORD, ofSocket("sock_common.skc_v6_rcv_saddr", { indexed: true })),
    // The port stands in network order in the upper half.
    field("remote_port", WORD, ofSocket("sock_common.skc_dport", { shift: 16 })),
    field("local_port", WORD, ofSocket("sock_common.skc_num")),
    field("is_fullsock", WORD, member("bpf_sock_ops_kern.is_fullsock")),
    field("state", WORD, ofSocket("sock_common.skc_state")),
    field("rtt_min", WORD, {
      kind: "follow",
      pointers: [SOCKET_POINTER],
      path: "tcp_sock.rtt_min+minmax_sample.v",
      size: 4,
    }),
    ...[...TCP_WORDS, "bpf_sock_ops_cb_flags"].map((name) => field(name, WORD, locked(`tcp_sock.${name}`))),
    field("sk_txhash", WORD, locked("sock.sk_txhash")),
    field("bytes_received", DWORDS, locked("tcp_sock.bytes_received")),
    field("bytes_acked", DWORDS, locked("tcp_sock.bytes_acked")),
    field(
      "sk",
      DWORD,
      {
        kind: "guarded",
        guard: "bpf_sock_ops_kern.is_fullsock",
        pointer: SOCKET_POINTER,
        path: null,
        temporary: "bpf_sock_ops_kern.temp",
      },
      SOCKET_OR_NULL,
    ),
    field("skb_data", DWORD, ofPacket("sk_buff.data"), PACKET),
    field("skb_data_end", DWORD, member("bpf_sock_ops_kern.skb_data_end"), PACKET_END),
    field("skb_len", WORD, ofPacket("sk_buff.len")),
    field("skb_tcp_flags", NARROW_START, ofPacket("sk_buff.cb+tcp_skb_cb.tcp_flags")),
    field("skb_hwtstamp", DWORD, { kind: "sequence", name: "segmentTimestamp" }),
  ],
  { writable: ["reply", "sk_txhash"] },
);
