import type { AccessWidth, ContextField, FieldAccess, FieldRewrite, StructContext } from "./context.ts";
import {
  DWORD,
  field,
  member,
  NARROW,
  PACKET,
  PACKET_END,
  SOCK_COMMON_OR_NULL,
  SOCKET,
  SOCKET_OR_NULL,
  structContext,
  WORD,
} from "./field.ts";

function messageSocket(path: string, more: { shift?: number; indexed?: boolean } = {}): FieldRewrite {
  const size: AccessWidth = more.indexed ? 4 : "member";
  return { kind: "follow", pointers: ["sk_msg.sk"], path, size, ...more };
}

/** `sk_msg_is_valid_access`, `sk_msg_convert_ctx_access` */
export const SK_MSG_CONTEXT: StructContext = structContext(
  "sk_msg_md",
  "sk_msg",
  [
    field("data", DWORD, member("sk_msg.data"), PACKET),
    field("data_end", DWORD, member("sk_msg.data_end"), PACKET_END),
    field("family", WORD, messageSocket("sock_common.skc_family")),
    field("remote_ip4", WORD, messageSocket("sock_common.skc_daddr")),
    field("local_ip4", WORD, messageSocket("sock_common.skc_rcv_saddr")),
    field("remote_ip6", WORD, messageSocket("sock_common.skc_v6_daddr", { indexed: true })),
    field("local_ip6", WORD, messageSocket("sock_common.skc_v6_rcv_saddr", { indexed: true })),
    // The port stands in network order in the upper half.
    field("remote_port", WORD, messageSocket("sock_common.skc_dport", { shift: 16 })),
    field("local_port", WORD, messageSocket("sock_common.skc_num")),
    field("size", WORD, member("sk_msg_sg.size")),
    field("sk", DWORD, member("sk_msg.sk"), SOCKET),
  ],
  {},
);

function reuseport(pointer: "skb" | "sk", path: string): FieldRewrite {
  return { kind: "follow", pointers: [`sk_reuseport_kern.${pointer}`], path, size: "member" };
}

/** As `NARROW`, but never less than the two bytes that the kernel has of it. */
const ETH_PROTOCOL: FieldAccess = { reads: { 2: 4, 4: 4 }, writes: [] };
const WORD_START: FieldAccess = { ...WORD, start: true };

/** `sk_reuseport_is_valid_access`, `sk_reuseport_convert_ctx_access` */
export const SK_REUSEPORT_CONTEXT: StructContext = structContext(
  "sk_reuseport_md",
  "sk_reuseport_kern",
  [
    field("data", DWORD, reuseport("skb", "sk_buff.data"), PACKET),
    field("data_end", DWORD, member("sk_reuseport_kern.data_end"), PACKET_END),
    field("len", NARROW, reuseport("skb", "sk_buff.len")),
    field("eth_protocol", ETH_PROTOCOL, reuseport("skb", "sk_buff.protocol")),
    field("ip_protocol", NARROW, reuseport("sk", "sock.sk_protocol")),
    field("bind_inany", NARROW, member("sk_reuseport_kern.bind_inany")),
    field("hash", WORD_START, member("sk_reuseport_kern.hash")),
    field("sk", DWORD, member("sk_reuseport_kern.sk"), SOCKET),
    field("migrating_sk", DWORD, member("sk_reuseport_kern.migrating_sk"), SOCK_COMMON_OR_NULL),
  ],
  {},
);

function lookup(path: string): FieldRewrite {
  return member(`bpf_sk_lookup_kern.${path}`);
}

function address(which: "saddr" | "daddr"): FieldRewrite {
  return {
    kind: "follow",
    pointers: [`bpf_sk_lookup_kern.v6.${which}`],
    path: "in6_addr.in6_u",
    size: 4,
    nullTest: true,
    indexed: true,
  };
}

/** 2 bytes wide, once 4; reads of 4 bytes get it with zeros above. */
const PORT: FieldAccess = { reads: { 1: 2, 2: 2, 4: 0 }, writes: [] };
const PORT_PADDING: ContextField = {
  name: "remote_port",
  padding: 2,
  access: { reads: { 1: 2, 2: 2 }, writes: [] },
  rewrite: { kind: "sequence", name: "zero16" },
};

/** `sk_lookup_is_valid_access`, `sk_lookup_convert_ctx_access` */
export const SK_LOOKUP_CONTEXT: StructContext = structContext(
  "bpf_sk_lookup",
  "bpf_sk_lookup_kern",
  [
    field("sk", DWORD, lookup("selected_sk"), SOCKET_OR_NULL),
    field("family", NARROW, lookup("family")),
    field("protocol", NARROW, lookup("protocol")),
    field("remote_ip4", NARROW, lookup("v4.saddr")),
    field("remote_ip6", NARROW, address("saddr")),
    field("remote_port", PORT, lookup("sport")),
    PORT_PADDING,
    field("local_ip4", NARROW, lookup("v4.daddr")),
    field("local_ip6", NARROW, address("daddr")),
    field("local_port", NARROW, lookup("dport")),
    field("ingress_ifindex", NARROW, lookup("ingress_ifindex")),
  ],
  {},
);
