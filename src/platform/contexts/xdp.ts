import { BpfAttachType } from "../../uapi/index.ts";
import type { FieldRewrite, StructContext } from "./context.ts";
import { field, member, PACKET, PACKET_END, PACKET_META, structContext, WORD } from "./field.ts";

function behind(pointers: readonly string[], path: string): FieldRewrite {
  return { kind: "follow", pointers, path, size: 4 };
}

/** `struct xdp_md` over `struct xdp_buff` (`xdp_is_valid_access`, `xdp_convert_ctx_access`). */
export const XDP_CONTEXT: StructContext = structContext(
  "xdp_md",
  "xdp_buff",
  [
    field("data", WORD, member("xdp_buff.data", 8), PACKET),
    field("data_end", WORD, member("xdp_buff.data_end", 8), PACKET_END),
    field("data_meta", WORD, member("xdp_buff.data_meta", 8), PACKET_META),
    field("ingress_ifindex", WORD, behind(["xdp_buff.rxq", "xdp_rxq_info.dev"], "net_device.ifindex")),
    field("rx_queue_index", WORD, behind(["xdp_buff.rxq"], "xdp_rxq_info.queue_index")),
    field("egress_ifindex", WORD, behind(["xdp_buff.txq", "xdp_txq_info.dev"], "net_device.ifindex")),
  ],
  { readableIf: { egress_ifindex: { attachTypes: [BpfAttachType.XDP_DEVMAP] } } },
);
