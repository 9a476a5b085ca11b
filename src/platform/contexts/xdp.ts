import { BpfAttachType } from "../../uapi/index.ts";
import type { ContextField, StructContext } from "./context.ts";

const FIELDS: readonly ContextField[] = [
  {
    name: "data",
    width: "word",
    yields: "packet",
    rewrite: { kind: "member", path: "xdp_buff.data", size: 8 },
  },
  {
    name: "data_end",
    width: "word",
    yields: "packetEnd",
    rewrite: { kind: "member", path: "xdp_buff.data_end", size: 8 },
  },
  {
    name: "data_meta",
    width: "word",
    yields: "packetMeta",
    rewrite: { kind: "member", path: "xdp_buff.data_meta", size: 8 },
  },
  {
    name: "ingress_ifindex",
    width: "word",
    rewrite: {
      kind: "follow",
      pointers: ["xdp_buff.rxq", "xdp_rxq_info.dev"],
      path: "net_device.ifindex",
      size: 4,
    },
  },
  {
    name: "rx_queue_index",
    width: "word",
    rewrite: { kind: "follow", pointers: ["xdp_buff.rxq"], path: "xdp_rxq_info.queue_index", size: 4 },
  },
  {
    name: "egress_ifindex",
    width: "word",
    rewrite: {
      kind: "follow",
      pointers: ["xdp_buff.txq", "xdp_txq_info.dev"],
      path: "net_device.ifindex",
      size: 4,
    },
  },
];

/** `struct xdp_md` over `struct xdp_buff` (`xdp_is_valid_access`, `xdp_convert_ctx_access`). */
export const XDP_CONTEXT: StructContext = {
  kind: "struct",
  view: "xdp_md",
  object: "xdp_buff",
  fields: new Map(FIELDS.map((field) => [field.name, field])),
  readable: new Set(FIELDS.map((field) => field.name)),
  writable: new Set(),
  attachTypes: new Map([["egress_ifindex", [BpfAttachType.XDP_DEVMAP]]]),
};
