import { formatIpv4, formatIpv6 } from "./addresses.ts";
import { fits, HeaderView } from "./header-view.ts";

/** Protocol numbers in IPv4's protocol and IPv6's next-header field (IANA). */
export const IP_PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const;

/** An IPv4 header with its options (RFC 791). */
export class Ipv4View extends HeaderView {
  readonly version = 4;

  static at(bytes: Uint8Array, offset: number): Ipv4View | null {
    if (!fits(bytes, offset, 20)) return null;
    const view = new Ipv4View(bytes, offset);
    if (view.u8(0) >> 4 !== 4 || view.headerLength < 20 || !fits(bytes, offset, view.headerLength))
      return null;
    return view;
  }

  /** In bytes, options included: 20 to 60. */
  get headerLength(): number {
    return (this.u8(0) & 0xf) * 4;
  }

  /** Of header and payload in bytes, as the header says; segmentation offload leaves 0. */
  get totalLength(): number {
    return this.u16(2);
  }

  get identification(): number {
    return this.u16(4);
  }

  get dontFragment(): boolean {
    return (this.u8(6) & 0x40) !== 0;
  }

  get moreFragments(): boolean {
    return (this.u8(6) & 0x20) !== 0;
  }

  /** In bytes. Not 0 means that no transport header follows. */
  get fragmentOffset(): number {
    return (this.u16(6) & 0x1fff) * 8;
  }

  get ttl(): number {
    return this.u8(8);
  }

  /** `IP_PROTOCOL.TCP` … */
  get protocol(): number {
    return this.u8(9);
  }

  get checksum(): number {
    return this.u16(10);
  }

  get source(): string {
    return formatIpv4(this.bytes, this.offset + 12);
  }

  get destination(): string {
    return formatIpv4(this.bytes, this.offset + 16);
  }

  /** The two addresses as bytes, source first: the front of the pseudo header that TCP and UDP sum. */
  get addresses(): Uint8Array {
    return this.slice(12, 8);
  }

  get options(): Uint8Array {
    return this.slice(20, this.headerLength - 20);
  }

  /** Where the payload begins in the packet. */
  get payloadOffset(): number {
    return this.offset + this.headerLength;
  }

  /** Where the payload should end in the packet; the captured bytes may end earlier. */
  get payloadEnd(): number {
    return this.totalLength === 0 ? this.bytes.length : this.offset + this.totalLength;
  }
}

/** An IPv6 header and the extension headers after it (RFC 8200). */
export class Ipv6View extends HeaderView {
  readonly version = 6;
  /** The upper-layer protocol after all extension headers: `IP_PROTOCOL.TCP` … */
  readonly protocol: number;
  /** Numbers of the extension headers, in order. */
  readonly extensions: readonly number[];
  /** Where the upper-layer header begins in the packet. */
  readonly payloadOffset: number;
  /** In bytes; 0 without a fragment header. Not 0 means that no transport header follows. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;

  private constructor(bytes: Uint8Array, offset: number) {
    super(bytes, offset);
    const extensions: number[] = [];
    let next = this.u8(6);
    let at = offset + 40;
    let fragment = 0;
    // Each round moves on by at least 8 bytes, so the packet bounds the loop.
    while (isExtension(next) && fits(bytes, at, 8)) {
      const length =
        next === IP_PROTOCOL.FRAGMENT
          ? 8
          : next === IP_PROTOCOL.AUTHENTICATION
            ? (bytes[at + 1]! + 2) * 4
            : (bytes[at + 1]! + 1) * 8;
      extensions.push(next);
      if (next === IP_PROTOCOL.FRAGMENT) fragment = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      next = bytes[at]!;
      at += length;
      if ((fragment & 0xfff8) !== 0) break;
    }
    this.protocol = next;
    this.extensions = extensions;
    this.payloadOffset = at;
    this.fragmentOffset = fragment & 0xfff8;
    this.moreFragments = (fragment & 1) !== 0;
  }

  static at(bytes: Uint8Array, offset: number): Ipv6View | null {
    if (!fits(bytes, offset, 40) || bytes[offset]! >> 4 !== 6) return null;
    return new Ipv6View(bytes, offset);
  }

  get trafficClass(): number {
    return (this.u16(0) >> 4) & 0xff;
  }

  get flowLabel(): number {
    return this.u32(0) & 0xf_ffff;
  }

  /** Of everything after the first 40 bytes, extension headers included. */
  get payloadLength(): number {
    return this.u16(4);
  }

  get hopLimit(): number {
    return this.u8(7);
  }

  get source(): string {
    return formatIpv6(this.bytes, this.offset + 8);
  }

  get destination(): string {
    return formatIpv6(this.bytes, this.offset + 24);
  }

  get addresses(): Uint8Array {
    return this.slice(8, 32);
  }

  /** Where the payload should end in the packet; the captured bytes may end earlier. */
  get payloadEnd(): number {
    return this.payloadLength === 0 ? this.bytes.length : this.offset + 40 + this.payloadLength;
  }
}

function isExtension(protocol: number): boolean {
  return (
    protocol === IP_PROTOCOL.HOP_BY_HOP ||
    protocol === IP_PROTOCOL.ROUTING ||
    protocol === IP_PROTOCOL.FRAGMENT ||
    protocol === IP_PROTOCOL.AUTHENTICATION ||
    protocol === IP_PROTOCOL.DESTINATION_OPTIONS
  );
}
