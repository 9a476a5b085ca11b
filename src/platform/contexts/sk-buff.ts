import type { ContextField, FieldRewrite, StructContext } from "./context.ts";
import {
  type Access,
  ANY,
  BYTE,
  DWORD,
  field,
  member,
  NARROW,
  PACKET,
  PACKET_END,
  PACKET_META,
  SOCK_COMMON_OR_NULL,
  structContext,
  WORD,
} from "./field.ts";

/** Sums of offsets: the control blocks that BPF keeps in the 48 bytes of `sk_buff.cb`. */
const QDISC_DATA = "sk_buff.cb+qdisc_skb_cb.data";
const SK_SKB_DATA = "sk_buff.cb+sk_skb_cb.data";

function ofSocket(path: string, size: 2 | 4): FieldRewrite {
  return { kind: "follow", pointers: ["sk_buff.sk"], path, size };
}

function addressOfSocket(path: string): FieldRewrite {
  return { kind: "follow", pointers: ["sk_buff.sk"], path, size: 4, indexed: true };
}

function narrow(name: string, rewrite: FieldRewrite): ContextField {
  return field(name, NARROW, rewrite);
}

/** `struct __sk_buff` over `struct sk_buff`: `bpf_skb_is_valid_access`, `bpf_convert_ctx_access`. */
const COMMON: readonly ContextField[] = [
  narrow("len", member("sk_buff.len", 4)),
  narrow("pkt_type", { kind: "bits", path: "sk_buff.pkt_type" }),
  narrow("mark", member("sk_buff.mark", 4)),
  narrow("queue_mapping", { kind: "sequence", name: "queueMapping" }),
  narrow("protocol", member("sk_buff.protocol", 2)),
  narrow("vlan_present", { kind: "sequence", name: "vlanPresent" }),
  narrow("vlan_tci", member("sk_buff.vlan_tci", 2)),
  narrow("vlan_proto", member("sk_buff.vlan_proto", 2)),
  narrow("priority", member("sk_buff.priority", 4)),
  narrow("ingress_ifindex", member("sk_buff.skb_iif", 4)),
  narrow("ifindex", {
    kind: "follow",
    pointers: ["sk_buff.dev"],
    path: "net_device.ifindex",
    size: 4,
    nullTest: true,
  }),
  narrow("tc_index", member("sk_buff.tc_index", 2)),
  field("cb", ANY, member(QDISC_DATA, "own")),
  narrow("hash", member("sk_buff.hash", 4)),
  narrow("tc_classid", member("sk_buff.cb+qdisc_skb_cb.tc_classid", 2)),
  field("data", WORD, member("sk_buff.data", 8), PACKET),
  field("data_end", WORD, member("sk_buff.cb+bpf_skb_data_end.data_end", 8), PACKET_END),
  narrow("napi_id", { kind: "sequence", name: "napiId" }),
  narrow("family", ofSocket("sock_common.skc_family", 2)),
  field("remote_ip4", WORD, ofSocket("sock_common.skc_daddr", 4)),
  field("local_ip4", WORD, ofSocket("sock_common.skc_rcv_saddr", 4)),
  field("remote_ip6", WORD, addressOfSocket("sock_common.skc_v6_daddr")),
  field("local_ip6", WORD, addressOfSocket("sock_common.skc_v6_rcv_saddr")),
  narrow("remote_port", {
    kind: "follow",
    pointers: ["sk_buff.sk"],
    path: "sock_common.skc_dport",
    size: 2,
    // The port stands in network order in the upper half, as in the first version of this field.
    shift: 16,
  }),
  narrow("local_port", ofSocket("sock_common.skc_num", 2)),
  field("data_meta", WORD, member("sk_buff.cb+bpf_skb_data_end.data_meta", 8), PACKET_META),
  field("tstamp", DWORD, { kind: "sequence", name: "timestamp" }),
  narrow("wire_len", member("sk_buff.cb+qdisc_skb_cb.pkt_len", 4)),
  narrow("gso_segs", { kind: "sharedInfo", path: "skb_shared_info.gso_segs", size: 2 }),
  field("sk", DWORD, member("sk_buff.sk", 8), SOCK_COMMON_OR_NULL),
  narrow("gso_size", { kind: "sharedInfo", path: "skb_shared_info.gso_size", size: 2 }),
  field("tstamp_type", BYTE, { kind: "sequence", name: "timestampType" }),
  field("hwtstamp", DWORD, { kind: "sharedInfo", path: "skb_shared_info.hwtstamps", size: 8 }),
];

/** Fields of the socket, from `family` to `local_port`. */
const SOCKET_FIELDS = [
  "family",
  "remote_ip4",
  "local_ip4",
  "remote_ip6",
  "local_ip6",
  "remote_port",
  "local_port",
];

/** @param replace fields that are not what they are elsewhere. */
function skBuff(access: Access, replace: readonly ContextField[] = []): StructContext {
  const fields = COMMON.map((one) => replace.find(({ name }) => name === one.name) ?? one);
  return structContext("__sk_buff", "sk_buff", fields, access);
}

/** `sk_filter_is_valid_access` */
export const SOCKET_FILTER_CONTEXT: StructContext = skBuff({
  hidden: [
    "tc_classid",
    "data",
    "data_meta",
    "data_end",
    ...SOCKET_FIELDS,
    "tstamp",
    "tstamp_type",
    "wire_len",
    "hwtstamp",
  ],
  writable: ["cb"],
});

/** `cg_skb_is_valid_access` */
export const CGROUP_SKB_CONTEXT: StructContext = skBuff({
  hidden: ["tc_classid", "data_meta", "tstamp_type", "wire_len"],
  writable: ["mark", "priority", "cb"],
  readableIf: { data: { capability: "bpf" }, data_end: { capability: "bpf" } },
  writableIf: { tstamp: { capability: "bpf" } },
});

/** `tc_cls_act_is_valid_access`, `tc_cls_act_convert_ctx_access` */
export const TC_CONTEXT: StructContext = skBuff(
  {
    hidden: SOCKET_FIELDS,
    writable: ["mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"],
  },
  [
    narrow("ifindex", {
      kind: "follow",
      pointers: ["sk_buff.dev"],
      path: "net_device.ifindex",
      size: 4,
    }),
  ],
);

/** `lwt_is_valid_access`: lwt_in, lwt_out, lwt_xmit and lwt_seg6local. */
export const LWT_CONTEXT: StructContext = skBuff({
  hidden: ["tc_classid", ...SOCKET_FIELDS, "data_meta", "tstamp", "tstamp_type", "wire_len", "hwtstamp"],
  writable: ["mark", "priority", "cb"],
});

/** `sk_skb_is_valid_access`, `sk_skb_convert_ctx_access` */
export const SK_SKB_CONTEXT: StructContext = skBuff(
  {
    hidden: ["tc_classid", "data_meta", "tstamp", "tstamp_type", "wire_len", "hwtstamp", "mark"],
    writable: ["tc_index", "priority"],
  },
  [
    field("data_end", WORD, { kind: "sequence", name: "linearEnd" }, PACKET_END),
    field("cb", ANY, member(SK_SKB_DATA, "own")),
  ],
);

const dissected = (name: string) => member(`bpf_flow_dissector.${name}`, 8);

/** `flow_dissector_is_valid_access`, `flow_dissector_convert_ctx_access` */
export const FLOW_DISSECTOR_CONTEXT: StructContext = structContext(
  "__sk_buff",
  "bpf_flow_dissector",
  [
    field("data", WORD, dissected("data"), PACKET),
    field("data_end", WORD, dissected("data_end"), PACKET_END),
    field("flow_keys", DWORD, dissected("flow_keys"), { type: "PTR_TO_FLOW_KEYS", flags: [], btf: null }),
  ],
  {},
);
