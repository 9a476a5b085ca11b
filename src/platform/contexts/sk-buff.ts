import type { ContextField, FieldRewrite, StructContext } from "./context.ts";

/** Sums of offsets: the control blocks that BPF keeps in the 48 bytes of `sk_buff.cb`. */
const QDISC_DATA = "sk_buff.cb+qdisc_skb_cb.data";
const SK_SKB_DATA = "sk_buff.cb+sk_skb_cb.data";

function member(path: string, size: 1 | 2 | 4 | 8): FieldRewrite {
  return { kind: "member", path, size };
}

function ofSocket(path: string, size: 2 | 4): FieldRewrite {
  return { kind: "follow", pointers: ["sk_buff.sk"], path, size };
}

function narrow(name: string, rewrite: FieldRewrite): ContextField {
  return { name, width: "narrow", rewrite };
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
  { name: "cb", width: "any", rewrite: { kind: "member", path: QDISC_DATA } },
  narrow("hash", member("sk_buff.hash", 4)),
  narrow("tc_classid", member("sk_buff.cb+qdisc_skb_cb.tc_classid", 2)),
  { name: "data", width: "word", yields: "packet", rewrite: member("sk_buff.data", 8) },
  {
    name: "data_end",
    width: "word",
    yields: "packetEnd",
    rewrite: member("sk_buff.cb+bpf_skb_data_end.data_end", 8),
  },
  narrow("napi_id", { kind: "sequence", name: "napiId" }),
  narrow("family", ofSocket("sock_common.skc_family", 2)),
  { name: "remote_ip4", width: "word", rewrite: ofSocket("sock_common.skc_daddr", 4) },
  { name: "local_ip4", width: "word", rewrite: ofSocket("sock_common.skc_rcv_saddr", 4) },
  {
    name: "remote_ip6",
    width: "word",
    rewrite: {
      kind: "follow",
      pointers: ["sk_buff.sk"],
      path: "sock_common.skc_v6_daddr",
      size: 4,
      indexed: true,
    },
  },
  {
    name: "local_ip6",
    width: "word",
    rewrite: {
      kind: "follow",
      pointers: ["sk_buff.sk"],
      path: "sock_common.skc_v6_rcv_saddr",
      size: 4,
      indexed: true,
    },
  },
  narrow("remote_port", {
    kind: "follow",
    pointers: ["sk_buff.sk"],
    path: "sock_common.skc_dport",
    size: 2,
    // The port stands in network order in the upper half, as in the first version of this field.
    shift: 16,
  }),
  narrow("local_port", ofSocket("sock_common.skc_num", 2)),
  {
    name: "data_meta",
    width: "word",
    yields: "packetMeta",
    rewrite: member("sk_buff.cb+bpf_skb_data_end.data_meta", 8),
  },
  { name: "tstamp", width: "dword", rewrite: { kind: "sequence", name: "timestamp" } },
  narrow("wire_len", member("sk_buff.cb+qdisc_skb_cb.pkt_len", 4)),
  narrow("gso_segs", { kind: "sharedInfo", path: "skb_shared_info.gso_segs", size: 2 }),
  { name: "sk", width: "dword", yields: "socketOrNull", rewrite: member("sk_buff.sk", 8) },
  narrow("gso_size", { kind: "sharedInfo", path: "skb_shared_info.gso_size", size: 2 }),
  { name: "tstamp_type", width: "byte", rewrite: { kind: "sequence", name: "timestampType" } },
  {
    name: "hwtstamp",
    width: "dword",
    rewrite: { kind: "sharedInfo", path: "skb_shared_info.hwtstamps", size: 8 },
  },
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

interface Rules {
  /** Fields that this program type may not touch. */
  readonly hidden: readonly string[];
  readonly writable: readonly string[];
  /** Fields that are not what they are elsewhere. */
  readonly replace?: readonly ContextField[];
}

function skBuff(rules: Rules): StructContext {
  const fields = new Map(COMMON.map((field) => [field.name, field]));
  for (const field of rules.replace ?? []) fields.set(field.name, field);
  const hidden = new Set(rules.hidden);
  return {
    kind: "struct",
    view: "__sk_buff",
    object: "sk_buff",
    fields,
    readable: new Set([...fields.keys()].filter((name) => !hidden.has(name))),
    writable: new Set(rules.writable),
  };
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
  writable: ["mark", "priority", "cb", "tstamp"],
});

/** `tc_cls_act_is_valid_access`, `tc_cls_act_convert_ctx_access` */
export const TC_CONTEXT: StructContext = skBuff({
  hidden: SOCKET_FIELDS,
  writable: ["mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"],
  replace: [
    narrow("ifindex", {
      kind: "follow",
      pointers: ["sk_buff.dev"],
      path: "net_device.ifindex",
      size: 4,
    }),
  ],
});

/** `lwt_is_valid_access`: lwt_in, lwt_out, lwt_xmit and lwt_seg6local. */
export const LWT_CONTEXT: StructContext = skBuff({
  hidden: ["tc_classid", ...SOCKET_FIELDS, "data_meta", "tstamp", "tstamp_type", "wire_len", "hwtstamp"],
  writable: ["mark", "priority", "cb"],
});

/** `sk_skb_is_valid_access`, `sk_skb_convert_ctx_access` */
export const SK_SKB_CONTEXT: StructContext = skBuff({
  hidden: ["tc_classid", "data_meta", "tstamp", "tstamp_type", "wire_len", "hwtstamp", "mark"],
  writable: ["tc_index", "priority"],
  replace: [
    {
      name: "data_end",
      width: "word",
      yields: "packetEnd",
      rewrite: { kind: "sequence", name: "linearEnd" },
    },
    { name: "cb", width: "any", rewrite: { kind: "member", path: SK_SKB_DATA } },
  ],
});

/** `flow_dissector_is_valid_access`, `flow_dissector_convert_ctx_access` */
export const FLOW_DISSECTOR_CONTEXT: StructContext = {
  kind: "struct",
  view: "__sk_buff",
  object: "bpf_flow_dissector",
  fields: new Map(
    (
      [
        ["data", "word", "packet"],
        ["data_end", "word", "packetEnd"],
        ["flow_keys", "dword", "flowKeys"],
      ] as const
    ).map(([name, width, yields]) => [
      name,
      { name, width, yields, rewrite: member(`bpf_flow_dissector.${name}`, 8) },
    ]),
  ),
  readable: new Set(["data", "data_end", "flow_keys"]),
  writable: new Set(),
};
