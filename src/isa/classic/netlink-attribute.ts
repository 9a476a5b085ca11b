/**
 * The search for netlink attributes that `SKF_AD_NLATTR` and `SKF_AD_NLATTR_NEST` do (`bpf_skb_get_nlattr()`,
 * `bpf_skb_get_nlattr_nest()`). Netlink is spoken in the byte order of the machine; here that is little-endian.
 */

/** `struct nlattr`: length and type, two bytes each. */
const HEADER = 4;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

/** Offset of the first attribute of a type, searched from `at` on; 0 where there is none. */
export function netlinkAttribute(packet: Uint8Array, at: number, type: number): number {
  if (packet.length < HEADER || at > packet.length - HEADER) return 0;
  return find(packet, at, packet.length - at, type);
}

/** Offset of the first attribute of a type inside the attribute at `at`; 0 where there is none. */
export function nestedAttribute(packet: Uint8Array, at: number, type: number): number {
  if (packet.length < HEADER || at > packet.length - HEADER) return 0;
  const length = half(packet, at);
  if (length > packet.length - at) return 0;
  return find(packet, at + HEADER, length - HEADER, type);
}

function find(packet: Uint8Array, at: number, remaining: number, type: number): number {
  while (remaining >= HEADER) {
    const length = half(packet, at);
    if (length < HEADER || length > remaining) return 0;
    if ((half(packet, at + 2) & TYPE_MASK) === type) return at;
    const step = (length + 3) & ~3;
    at += step;
    remaining -= step;
  }
  return 0;
}

function half(packet: Uint8Array, at: number): number {
  return packet[at]! | (packet[at + 1]! << 8);
}
