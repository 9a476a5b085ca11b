import { formatIpv4, formatMac } from "./addresses.ts";
import { fits, HeaderView } from "./header-view.ts";
import { ETHERTYPE, networkStart } from "./link-layer.ts";
import { LINKTYPE } from "./linktypes.ts";

/** An Ethernet II frame with its VLAN tags (IEEE 802.3, 802.1Q, 802.1ad). */
export class EthernetView extends HeaderView {
  /** The type of what follows the tags: `ETHERTYPE.IPV4` …; 0 for an 802.3 length. */
  readonly ethertype: number;
  /** VLAN ids, outermost first. */
  readonly vlans: readonly number[];
  /** Where what follows begins in the packet. */
  readonly payloadOffset: number;

  private constructor(bytes: Uint8Array, start: NonNullable<ReturnType<typeof networkStart>>) {
    super(bytes, 0);
    this.ethertype = start.ethertype;
    this.vlans = start.vlans;
    this.payloadOffset = start.offset;
  }

  static at(bytes: Uint8Array): EthernetView | null {
    const start = networkStart(bytes, LINKTYPE.ETHERNET);
    return start === null ? null : new EthernetView(bytes, start);
  }

  get destination(): string {
    return formatMac(this.bytes, 0);
  }

  get source(): string {
    return formatMac(this.bytes, 6);
  }
}

/** An ARP packet for IPv4 over Ethernet (RFC 826). */
export class ArpView extends HeaderView {
  static at(bytes: Uint8Array, offset: number): ArpView | null {
    if (!fits(bytes, offset, 28)) return null;
    const view = new ArpView(bytes, offset);
    const ethernet = view.u16(0) === 1 && view.u16(2) === ETHERTYPE.IPV4;
    return ethernet && view.u8(4) === 6 && view.u8(5) === 4 ? view : null;
  }

  /** 1 request, 2 reply. */
  get operation(): number {
    return this.u16(6);
  }

  get senderHardware(): string {
    return formatMac(this.bytes, this.offset + 8);
  }

  get senderAddress(): string {
    return formatIpv4(this.bytes, this.offset + 14);
  }

  get targetHardware(): string {
    return formatMac(this.bytes, this.offset + 18);
  }

  get targetAddress(): string {
    return formatIpv4(this.bytes, this.offset + 24);
  }
}
