import { IP_PROTOCOL, Ipv4View, Ipv6View } from "./ip.ts";

/**
 * The one's complement sum of 16-bit words that RFC 1071 describes, not yet complemented: 0 to 0xffff. An odd last
 * byte is the high half of a word. `initial` continues a sum over a part of even length before.
 */
export function onesComplementSum(bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number {
  let sum = initial;
  const even = end - ((end - start) & 1);
  for (let at = start; at < even; at += 2) {
    sum += (bytes[at]! << 8) | bytes[at + 1]!;
    // Folding now and then keeps the sum a small integer however long the data.
    if (sum > 0x3fff_0000) sum = (sum & 0xffff) + (sum >>> 16);
  }
  if (even !== end) sum += bytes[even]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The internet checksum (RFC 1071): what to write into a checksum field that was 0 while summing. */
export function internetChecksum(bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number {
  return ~onesComplementSum(bytes, start, end, initial) & 0xffff;
}

/** Whether the checksum of an IPv4 header is right. */
export function verifyIpv4Header(ip: Ipv4View): boolean {
  return onesComplementSum(ip.bytes, ip.offset, ip.payloadOffset) === 0xffff;
}

/** What an IPv4 header's checksum field should hold. */
export function ipv4HeaderChecksum(ip: Ipv4View): number {
  const { bytes, offset } = ip;
  return internetChecksum(
    bytes,
    offset + 12,
    ip.payloadOffset,
    onesComplementSum(bytes, offset, offset + 10),
  );
}

/** `absent`: UDP over IPv4 may do without; `unknown`: not all bytes were captured, or no checksum of this protocol is known. */
export type ChecksumVerdict = "good" | "bad" | "absent" | "unknown";

/** Checks the checksum of the TCP, UDP, ICMP or ICMPv6 message that an IP packet carries whole. */
export function verifyTransport(ip: Ipv4View | Ipv6View): ChecksumVerdict {
  const field = checksumField(ip);
  if (field < 0) return "unknown";
  const at = ip.payloadOffset + field;
  if (ip.protocol === IP_PROTOCOL.UDP && ip.version === 4 && ip.bytes[at] === 0 && ip.bytes[at + 1] === 0) {
    return "absent";
  }
  const sum = onesComplementSum(ip.bytes, ip.payloadOffset, ip.payloadEnd, pseudoHeaderSum(ip));
  return sum === 0xffff ? "good" : "bad";
}

/**
 * What the checksum field of the TCP, UDP, ICMP or ICMPv6 message in an IP packet should hold, whatever it holds now.
 * Null where the message was not captured whole. UDP's 0 comes as 0xffff (RFC 768).
 */
export function transportChecksum(ip: Ipv4View | Ipv6View): number | null {
  const field = checksumField(ip);
  if (field < 0) return null;
  const at = ip.payloadOffset + field;
  const before = onesComplementSum(ip.bytes, ip.payloadOffset, at, pseudoHeaderSum(ip));
  const sum = internetChecksum(ip.bytes, at + 2, ip.payloadEnd, before);
  return sum === 0 && ip.protocol === IP_PROTOCOL.UDP ? 0xffff : sum;
}

/** Offset of the checksum in the transport header; -1 where there is none to compute. */
function checksumField(ip: Ipv4View | Ipv6View): number {
  if (ip.fragmentOffset !== 0 || ip.moreFragments || ip.payloadEnd > ip.bytes.length) return -1;
  // With a routing header the sum takes the final destination, which the IPv6 header need not hold yet.
  if (ip instanceof Ipv6View && ip.extensions.includes(IP_PROTOCOL.ROUTING)) return -1;
  const field = fieldOf(ip.protocol);
  return field < 0 || ip.payloadOffset + field + 2 > ip.payloadEnd ? -1 : field;
}

function fieldOf(protocol: number): number {
  switch (protocol) {
    case IP_PROTOCOL.TCP:
      return 16;
    case IP_PROTOCOL.UDP:
      return 6;
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return 2;
    default:
      return -1;
  }
}

/** Addresses, length and protocol, which TCP, UDP and ICMPv6 sum before their own bytes (RFC 9293, RFC 8200 section 8.1). */
function pseudoHeaderSum(ip: Ipv4View | Ipv6View): number {
  if (ip instanceof Ipv4View && ip.protocol === IP_PROTOCOL.ICMP) return 0;
  const length = ip.payloadEnd - ip.payloadOffset;
  return onesComplementSum(ip.addresses) + (length & 0xffff) + (length >>> 16) + ip.protocol;
}
