import { type AncillaryName, ancillaryOf } from "./ancillary.ts";
import { nestedAttribute, netlinkAttribute } from "./netlink-attribute.ts";

/** Values of the ancillary loads for one packet. What is absent reads as 0, or as the fields say. */
export interface AncillaryValues {
  /** Ethernet protocol number, in host byte order. */
  readonly protocol?: number;
  /** `PACKET_HOST`, `PACKET_BROADCAST`, …: 0 to 7. */
  readonly pktType?: number;
  /** Index of the network device. Where it is absent there is no device, and the load ends the program with A. */
  readonly ifindex?: number;
  readonly mark?: number;
  readonly queue?: number;
  /** `ARPHRD_*` of the device. Where it is absent there is no device, and the load ends the program with A. */
  readonly hatype?: number;
  readonly rxhash?: number;
  readonly cpu?: number;
  /** The VLAN tag that the device took out of the packet; `vlan_tag_present` is 1 where it or the TPID is not 0. */
  readonly vlanTag?: number;
  /** The VLAN protocol, in host byte order: 0x8100 or 0x88a8. */
  readonly vlanTpid?: number;
  /** Offset of the transport payload: what the kernel's flow dissector finds (`skb_get_poff()`). */
  readonly payOffset?: number;
  /** A source of random unsigned 32-bit numbers; by default the platform's. */
  random?(): number;
}

/**
 * What an ancillary load puts into A, as a number of 32 bits of either sign; `undefined` where the packet came from
 * no device and the load therefore ends the program.
 */
export function loadAncillary(
  k: number,
  a: number,
  x: number,
  packet: Uint8Array,
  start: number,
  values: AncillaryValues,
): number | undefined {
  const name: AncillaryName = ancillaryOf(k)!.name;
  switch (name) {
    case "protocol":
      return (values.protocol ?? 0) & 0xffff;
    case "pkttype":
      return (values.pktType ?? 0) & 7;
    case "ifindex":
      return values.ifindex;
    case "nlattr":
      return netlinkAttribute(packet.subarray(start), a >>> 0, x);
    case "nlattr_nest":
      return nestedAttribute(packet.subarray(start), a >>> 0, x);
    case "mark":
      return values.mark ?? 0;
    case "queue":
      return (values.queue ?? 0) & 0xffff;
    case "hatype":
      return values.hatype === undefined ? undefined : values.hatype & 0xffff;
    case "rxhash":
      return values.rxhash ?? 0;
    case "cpu":
      return values.cpu ?? 0;
    case "alu_xor_x":
      return a ^ x;
    case "vlan_tag":
      return (values.vlanTag ?? 0) & 0xffff;
    case "vlan_tag_present":
      // The kernel tests vlan_proto and vlan_tci as one word, vlan_all.
      return (values.vlanTag ?? 0) !== 0 || (values.vlanTpid ?? 0) !== 0 ? 1 : 0;
    case "vlan_tpid":
      return (values.vlanTpid ?? 0) & 0xffff;
    case "pay_offset":
      return values.payOffset ?? 0;
    case "random":
      return values.random === undefined ? Math.random() * 0x1_0000_0000 : values.random();
  }
}
