import { Family } from "./socket-struct.ts";

/** An end of what sockets send and receive. */
export interface SocketAddress {
  /** In network order: 4 bytes, or 16. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** ::ffff:0:0/96: addresses of IPv4 as sockets of IPv6 have them. */
const MAPPED: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/** `LOOPBACK4_IPV6`: the address of IPv4 of a socket that has but one of IPv6. */
const NO_IPV4: readonly number[] = [127, 0, 0, 6];

/** An address as both families have it; of a socket of IPv4, `ipv6` is null. */
export function addressesOf(
  family: number,
  address: Uint8Array,
): { readonly ipv4: Uint8Array; readonly ipv6: Uint8Array | null } {
  if (family !== Family.INET6) return { ipv4: address.slice(0, 4), ipv6: null };
  if (address.length === 4 || isMapped(address)) {
    const ipv4 = address.slice(-4);
    return { ipv4, ipv6: Uint8Array.from([...MAPPED, ...ipv4]) };
  }
  return { ipv4: isUnspecified(address) ? new Uint8Array(4) : Uint8Array.from(NO_IPV4), ipv6: address };
}

export function isUnspecified(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}

/** Whether an address of IPv6 has no meaning in IPv4. */
export function isOnlyIpv6(address: Uint8Array): boolean {
  return !isUnspecified(address) && !isMapped(address);
}

function isMapped(address: Uint8Array): boolean {
  return address.length === 16 && MAPPED.every((byte, index) => address[index] === byte);
}

/** Whether it says nothing of where a socket is, in either family (`ipv6_mapped_addr_any`). */
export function isAny(address: Uint8Array): boolean {
  return isUnspecified(isMapped(address) ? address.subarray(12) : address);
}

/** Where a packet to a peer comes from where nobody chose: loopback addresses are their own; others keep what is there. */
export function sourceFor(peer: Uint8Array): Uint8Array | null {
  if (peer.length === 4) return peer[0] === 127 ? Uint8Array.of(127, 0, 0, 1) : null;
  const isLoopback = peer[15] === 1 && isUnspecified(peer.subarray(0, 15));
  if (isMapped(peer)) return peer[12] !== 127 ? null : Uint8Array.from([...MAPPED, 127, 0, 0, 1]);
  return isLoopback ? peer.slice() : null;
}
