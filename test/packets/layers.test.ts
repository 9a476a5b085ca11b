import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ArpView,
  ETHERTYPE,
  EthernetView,
  IcmpView,
  Ipv4View,
  Ipv6View,
  isKnownLinktype,
  LINKTYPE,
  layersOf,
  linktypeName,
  networkStart,
  TCP_FLAG,
  TcpView,
  UdpView,
  verifyTransport,
} from "../../src/packets/index.ts";
import { hex, ipv4Frame } from "./frames.ts";

const IP4 = "4500 001e 1234 4000 40 11 fffe 0a4d0a01 0a4d0a02 c000 0035 000a b5a5 6162";
const IP6_FIXED = "fd770000000000000000000000000001 fd770000000000000000000000000002";

describe("networkStart", () => {
  it.each([
    ["Ethernet", LINKTYPE.ETHERNET, `020000007702 020000007701 0800 ${IP4}`, 14, ETHERTYPE.IPV4, []],
    [
      "802.1Q",
      LINKTYPE.ETHERNET,
      `020000007702 020000007701 8100 6014 0800 ${IP4}`,
      18,
      ETHERTYPE.IPV4,
      [20],
    ],
    [
      "QinQ",
      LINKTYPE.ETHERNET,
      `020000007702 020000007701 88a8 012c 8100 001e 86dd`,
      22,
      ETHERTYPE.IPV6,
      [300, 30],
    ],
    ["802.3 with LLC", LINKTYPE.ETHERNET, "0180c2000000 020000007701 0026 424203", 14, 0, []],
    ["RAW IPv4", LINKTYPE.RAW, IP4, 0, ETHERTYPE.IPV4, []],
    ["RAW IPv6", LINKTYPE.RAW, "60000000", 0, ETHERTYPE.IPV6, []],
    ["NULL little-endian", LINKTYPE.NULL, `02000000 ${IP4}`, 4, ETHERTYPE.IPV4, []],
    ["NULL big-endian", LINKTYPE.NULL, `00000002 ${IP4}`, 4, ETHERTYPE.IPV4, []],
    ["NULL IPv6 of macOS", LINKTYPE.NULL, "1e000000 60", 4, ETHERTYPE.IPV6, []],
    ["LOOP IPv6 of OpenBSD", LINKTYPE.LOOP, "00000018 60", 4, ETHERTYPE.IPV6, []],
    ["LINUX_SLL", LINKTYPE.LINUX_SLL, "0000 0001 0006 0200000077010000 0806", 16, ETHERTYPE.ARP, []],
    [
      "LINUX_SLL with a tag",
      LINKTYPE.LINUX_SLL,
      "0000 0001 0006 0200000077010000 8100 0014 0800",
      20,
      0x800,
      [20],
    ],
    [
      "LINUX_SLL2",
      LINKTYPE.LINUX_SLL2,
      "86dd 0000 00000003 0001 04 06 0200000077010000",
      20,
      ETHERTYPE.IPV6,
      [],
    ],
    [
      "LINUX_SLL2 tagged",
      LINKTYPE.LINUX_SLL2,
      "8100 0000 00000003 0001 04 06 0200000077010000 0005 0800",
      24,
      0x800,
      [5],
    ],
  ])("%s", (_, linktype, text, offset, ethertype, vlans) => {
    expect(networkStart(hex(text), linktype)).toEqual({ offset, ethertype, vlans });
    expect(isKnownLinktype(linktype)).toBe(true);
  });

  it("is null for a header cut short and for other link types", () => {
    const frame = hex("020000007702 020000007701 8100 0014");
    for (let end = 0; end <= frame.length; end++) {
      expect(networkStart(frame.subarray(0, end), LINKTYPE.ETHERNET)).toBeNull();
    }
    expect(networkStart(new Uint8Array(100), 105)).toBeNull();
    expect(isKnownLinktype(105)).toBe(false);
    expect([linktypeName(1), linktypeName(105)]).toEqual(["EN10MB", "105"]);
  });
});

describe("views", () => {
  it("Ethernet, IPv4 and UDP", () => {
    const frame = ipv4Frame();
    const ethernet = EthernetView.at(frame)!;
    expect([ethernet.destination, ethernet.source]).toEqual(["02:00:00:00:77:02", "02:00:00:00:77:01"]);
    const layers = layersOf(frame, LINKTYPE.ETHERNET)!;
    const ip = layers.network as Ipv4View;
    expect(ip).toBeInstanceOf(Ipv4View);
    expect([ip.source, ip.destination, ip.ttl, ip.protocol, ip.totalLength, ip.headerLength]).toEqual([
      "10.77.10.1",
      "10.77.10.2",
      64,
      17,
      30,
      20,
    ]);
    expect([ip.identification, ip.dontFragment, ip.moreFragments, ip.fragmentOffset]).toEqual([
      0x1234,
      true,
      false,
      0,
    ]);
    const udp = layers.transport as UdpView;
    expect(udp).toBeInstanceOf(UdpView);
    expect([udp.sourcePort, udp.destinationPort, udp.length, udp.payloadOffset]).toEqual([49152, 53, 10, 42]);
  });

  it("IPv4 options move the transport header", () => {
    const layers = layersOf(
      hex(
        "4600 0030 0000 0000 40 06 0000 0a4d0a01 0a4d0a02 94040000 1f90 0050 00000001 00000002 a012 ffff 1234 0000",
      ),
      LINKTYPE.RAW,
    )!;
    expect([...(layers.network as Ipv4View).options]).toEqual([0x94, 4, 0, 0]);
    const tcp = layers.transport as TcpView;
    expect(tcp).toBeInstanceOf(TcpView);
    expect([tcp.sourcePort, tcp.destinationPort, tcp.sequence, tcp.acknowledgement]).toEqual([
      8080, 80, 1, 2,
    ]);
    expect([tcp.headerLength, tcp.flags, tcp.window, tcp.checksum]).toEqual([
      40,
      TCP_FLAG.SYN | TCP_FLAG.ACK,
      0xffff,
      0x1234,
    ]);
  });

  it("IPv6 steps over extension headers", () => {
    const packet = hex(
      `60012345 0020 00 40 ${IP6_FIXED} 2b00 010400000000 3c01 010c000000000000 000000000000 00`,
    );
    const chain = hex(`60012345 0028 00 40 ${IP6_FIXED}
      3c00 010400000000
      2c01 010c 000000000000 000000000000
      3a00 0001 00000007
      8000 1234 0000 0001`);
    const ip = layersOf(chain, LINKTYPE.RAW)!.network as Ipv6View;
    expect(ip).toBeInstanceOf(Ipv6View);
    expect([ip.source, ip.destination]).toEqual(["fd77::1", "fd77::2"]);
    expect([ip.flowLabel, ip.hopLimit, ip.trafficClass]).toEqual([0x12345, 64, 0]);
    expect([ip.extensions, ip.protocol, ip.fragmentOffset, ip.moreFragments]).toEqual([
      [0, 60, 44],
      58,
      0,
      true,
    ]);
    const icmp = layersOf(chain, LINKTYPE.RAW)!.transport as IcmpView;
    expect(icmp).toBeInstanceOf(IcmpView);
    expect([icmp.type, icmp.code, icmp.checksum]).toEqual([128, 0, 0x1234]);
    expect(layersOf(packet, LINKTYPE.RAW)!.transport).toBeNull();
  });

  it("later fragments have no transport header", () => {
    const packet = hex("4500 0020 1234 00b9 40 11 0000 0a4d0a01 0a4d0a02 0035003500080000 00000000");
    const layers = layersOf(packet, LINKTYPE.RAW)!;
    expect((layers.network as Ipv4View).fragmentOffset).toBe(1480);
    expect(layers.transport).toBeNull();
    expect(verifyTransport(layers.network as Ipv4View)).toBe("unknown");
  });

  it("ARP", () => {
    const arp = layersOf(
      hex("ffffffffffff 020000007701 0806 0001 0800 06 04 0001 020000007701 0a4d0a01 000000000000 0a4d0a02"),
      LINKTYPE.ETHERNET,
    )!.network as ArpView;
    expect(arp).toBeInstanceOf(ArpView);
    expect([
      arp.operation,
      arp.senderHardware,
      arp.senderAddress,
      arp.targetHardware,
      arp.targetAddress,
    ]).toEqual([1, "02:00:00:00:77:01", "10.77.10.1", "00:00:00:00:00:00", "10.77.10.2"]);
  });

  it("take any bytes without throwing", () => {
    const frames = [
      ipv4Frame(),
      hex(
        `020000007702 020000007701 86dd 60000000 0010 00 40 ${IP6_FIXED} 2c00000000000000 0102030405060708`,
      ),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.constantFrom(...Object.values(LINKTYPE), 7),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 5 }),
        fc.nat(80),
        (frame, linktype, changes, end) => {
          const bytes = frame.slice(0, end);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const layers = layersOf(bytes, linktype);
          const network = layers?.network ?? null;
          if (network instanceof Ipv4View || network instanceof Ipv6View) {
            expect(network.source.length).toBeGreaterThan(1);
            expect(["good", "bad", "absent", "unknown"]).toContain(verifyTransport(network));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
