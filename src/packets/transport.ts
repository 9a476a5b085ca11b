import { fits, HeaderView } from "./header-view.ts";

/** Bits of {@link TcpView.flags} (RFC 9293 section 3.1). */
export const TCP_FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

/** A TCP header with its options (RFC 9293). */
export class TcpView extends HeaderView {
  static at(bytes: Uint8Array, offset: number): TcpView | null {
    return fits(bytes, offset, 20) ? new TcpView(bytes, offset) : null;
  }

  get sourcePort(): number {
    return this.u16(0);
  }

  get destinationPort(): number {
    return this.u16(2);
  }

  get sequence(): number {
    return this.u32(4);
  }

  get acknowledgement(): number {
    return this.u32(8);
  }

  /** In bytes, options included: 20 to 60 in a sound header. */
  get headerLength(): number {
    return (this.u8(12) >> 4) * 4;
  }

  /** {@link TCP_FLAG}s, ORed. */
  get flags(): number {
    return this.u8(13);
  }

  get window(): number {
    return this.u16(14);
  }

  get checksum(): number {
    return this.u16(16);
  }

  get options(): Uint8Array {
    return this.slice(20, Math.max(0, this.headerLength - 20));
  }

  get payloadOffset(): number {
    return this.offset + this.headerLength;
  }
}

/** A UDP header (RFC 768). */
export class UdpView extends HeaderView {
  static at(bytes: Uint8Array, offset: number): UdpView | null {
    return fits(bytes, offset, 8) ? new UdpView(bytes, offset) : null;
  }

  get sourcePort(): number {
    return this.u16(0);
  }

  get destinationPort(): number {
    return this.u16(2);
  }

  /** Of header and payload, in bytes. */
  get length(): number {
    return this.u16(4);
  }

  /** 0 means none, which only IPv4 allows. */
  get checksum(): number {
    return this.u16(6);
  }

  get payloadOffset(): number {
    return this.offset + 8;
  }
}

/** The front that ICMP and ICMPv6 messages share (RFC 792, RFC 4443). */
export class IcmpView extends HeaderView {
  static at(bytes: Uint8Array, offset: number): IcmpView | null {
    return fits(bytes, offset, 4) ? new IcmpView(bytes, offset) : null;
  }

  get type(): number {
    return this.u8(0);
  }

  get code(): number {
    return this.u8(1);
  }

  get checksum(): number {
    return this.u16(2);
  }

  get payloadOffset(): number {
    return this.offset + 4;
  }
}
