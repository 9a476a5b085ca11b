import { ArpView } from "./ethernet.ts";
import { IP_PROTOCOL, Ipv4View, Ipv6View } from "./ip.ts";
import { ETHERTYPE, networkStart } from "./link-layer.ts";
import { IcmpView, TcpView, UdpView } from "./transport.ts";

/** The headers of one packet, as far as they are known and whole. */
export interface Layers {
  /** Ethernet type of the network layer, 0 where it has none. */
  readonly ethertype: number;
  /** VLAN ids, outermost first. */
  readonly vlans: readonly number[];
  readonly network: Ipv4View | Ipv6View | ArpView | null;
  /** Null for every fragment of a datagram but the first. */
  readonly transport: TcpView | UdpView | IcmpView | null;
}

/** Finds the headers of a packet. Null where its link layer is unknown or cut short. Never throws. */
export function layersOf(data: Uint8Array, linktype: number): Layers | null {
  const start = networkStart(data, linktype);
  if (start === null) return null;
  const { ethertype, vlans, offset } = start;
  if (ethertype === ETHERTYPE.ARP)
    return { ethertype, vlans, network: ArpView.at(data, offset), transport: null };
  const network =
    ethertype === ETHERTYPE.IPV4
      ? Ipv4View.at(data, offset)
      : ethertype === ETHERTYPE.IPV6
        ? Ipv6View.at(data, offset)
        : null;
  return { ethertype, vlans, network, transport: network === null ? null : transportOf(data, network) };
}

function transportOf(data: Uint8Array, network: Ipv4View | Ipv6View): TcpView | UdpView | IcmpView | null {
  if (network.fragmentOffset !== 0) return null;
  switch (network.protocol) {
    case IP_PROTOCOL.TCP:
      return TcpView.at(data, network.payloadOffset);
    case IP_PROTOCOL.UDP:
      return UdpView.at(data, network.payloadOffset);
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return IcmpView.at(data, network.payloadOffset);
    default:
      return null;
  }
}
