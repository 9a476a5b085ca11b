import { BpfProgType, Errno } from "../uapi/index.ts";
import { countText } from "../user/index.ts";

/** `ETH_HLEN`: test runs refuse packets without an Ethernet header. */
export const ETHERNET_HEADER = 14;
/** `PAGE_SIZE - NET_SKB_PAD - SKB_DATA_ALIGN(sizeof(struct skb_shared_info))` of x86-64: `bpf_test_init`. */
const SKB_MAX = 3712;
/** By EtherType: headers that a socket is described by, and so must be whole (`bpf_prog_test_run_skb`). */
const NETWORK_HEADERS: Readonly<Record<number, { readonly name: string; readonly size: number }>> = {
  2048: { name: "IPv4", size: 20 },
  34525: { name: "IPv6", size: 40 },
};

/**
 * Why Linux runs no program of a type on a packet, where it answers no more than an errno; null where the reason is
 * another than the packet's size.
 */
export function packetLimit(type: number, packet: Uint8Array, errno: number): string | null {
  if (type === BpfProgType.XDP && errno === Errno.ENOMEM) return "longer than a test run has memory for";
  if (errno !== Errno.EINVAL) return null;
  if (packet.length < ETHERNET_HEADER) {
    return `shorter than an Ethernet header, ${ETHERNET_HEADER} bytes`;
  }
  if (type === BpfProgType.XDP || type === BpfProgType.FLOW_DISSECTOR) return null;
  if (packet.length > SKB_MAX) return `longer than the ${countText(SKB_MAX)} bytes of a test run`;
  const header = NETWORK_HEADERS[(packet[12]! << 8) | packet[13]!];
  if (header === undefined || packet.length >= ETHERNET_HEADER + header.size) return null;
  return `${header.name} header cut short, below ${ETHERNET_HEADER + header.size} bytes`;
}
