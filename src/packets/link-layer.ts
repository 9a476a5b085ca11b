import { LINKTYPE } from "./linktypes.ts";

/** Ethernet types (IEEE 802, as Linux's if_ether.h has them). */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** 802.1Q: a VLAN tag. */
  VLAN: 0x8100,
  IPV6: 0x86dd,
  /** 802.1ad: the service tag of QinQ. */
  QINQ: 0x88a8,
  /** The service tag of early QinQ equipment. */
  QINQ_OLD: 0x9100,
} as const;

/** Where the network layer begins and what it is. */
export interface NetworkStart {
  /** Offset of the network header from the start of the packet, in bytes. */
  readonly offset: number;
  /** Its Ethernet type, after any VLAN tags; 0 for what has none, such as an 802.3 length with LLC after it. */
  readonly ethertype: number;
  /** VLAN ids, outermost first. */
  readonly vlans: readonly number[];
}

const NO_VLANS: readonly number[] = [];

/** Whether a link type is one that {@link networkStart} can take apart. */
export function isKnownLinktype(linktype: number): boolean {
  switch (linktype) {
    case LINKTYPE.ETHERNET:
    case LINKTYPE.RAW:
    case LINKTYPE.IPV4:
    case LINKTYPE.IPV6:
    case LINKTYPE.NULL:
    case LINKTYPE.LOOP:
    case LINKTYPE.LINUX_SLL:
    case LINKTYPE.LINUX_SLL2:
      return true;
    default:
      return false;
  }
}

/**
 * Steps over the link-layer header of a packet and its VLAN tags. Null where the packet ends inside of them, or where
 * the link type is none of those that {@link isKnownLinktype} knows.
 */
export function networkStart(data: Uint8Array, linktype: number): NetworkStart | null {
  switch (linktype) {
    case LINKTYPE.ETHERNET:
      return afterTags(data, 12);
    case LINKTYPE.LINUX_SLL:
      // Packet type, ARPHRD type, address length, address (8), protocol.
      return afterTags(data, 14);
    case LINKTYPE.LINUX_SLL2:
      // Protocol first, then 18 bytes: reserved, interface index, ARPHRD type, packet type, address.
      if (data.length < 20) return null;
      return isTag(be16(data, 0)) ? afterTags(data, 20, be16(data, 0)) : plain(20, be16(data, 0));
    case LINKTYPE.RAW:
    case LINKTYPE.IPV4:
    case LINKTYPE.IPV6: {
      if (data.length === 0) return null;
      const version = data[0]! >> 4;
      return plain(0, version === 4 ? ETHERTYPE.IPV4 : version === 6 ? ETHERTYPE.IPV6 : 0);
    }
    case LINKTYPE.NULL:
    case LINKTYPE.LOOP:
      return data.length < 4 ? null : plain(4, loopbackType(data));
    default:
      return null;
  }
}

function plain(offset: number, ethertype: number): NetworkStart {
  return { offset, ethertype: ethertype < 0x600 ? 0 : ethertype, vlans: NO_VLANS };
}

/** `at` is where an Ethernet type stands; with `first`, that type was elsewhere and tags begin at `at`. */
function afterTags(data: Uint8Array, at: number, first?: number): NetworkStart | null {
  let type: number;
  if (first === undefined) {
    if (at + 2 > data.length) return null;
    type = be16(data, at);
    at += 2;
  } else {
    type = first;
  }
  if (!isTag(type)) return plain(at, type);
  const vlans: number[] = [];
  while (isTag(type)) {
    if (at + 4 > data.length) return null;
    vlans.push(be16(data, at) & 0xfff);
    type = be16(data, at + 2);
    at += 4;
  }
  return { offset: at, ethertype: type < 0x600 ? 0 : type, vlans };
}

function isTag(type: number): boolean {
  return type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ || type === ETHERTYPE.QINQ_OLD;
}

/**
 * The address family in front of a loopback packet, in the byte order of the machine that captured it (NULL) or in
 * network order (LOOP). IPv6 has a number of its own on every BSD: 24, 28 or 30.
 */
function loopbackType(data: Uint8Array): number {
  const big = be16(data, 0) * 0x1_0000 + be16(data, 2);
  const family = big > 0xffff ? data[0]! | (data[1]! << 8) : big;
  if (family === 2) return ETHERTYPE.IPV4;
  if (family === 10 || family === 24 || family === 28 || family === 30) return ETHERTYPE.IPV6;
  return 0;
}

function be16(data: Uint8Array, at: number): number {
  return (data[at]! << 8) | data[at + 1]!;
}
