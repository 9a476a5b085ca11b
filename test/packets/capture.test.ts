import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  Ipv4View,
  Ipv6View,
  layersOf,
  packetsOf,
  verifyIpv4Header,
  verifyTransport,
} from "../../src/packets/index.ts";

/** Packets by what they are, with the verdicts on their checksums. */
function tally(file: Uint8Array): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const packet of packetsOf(file)) {
    const layers = layersOf(packet.data, packet.linktype)!;
    for (const vlan of layers.vlans) count(`vlan ${vlan}`);
    const network = layers.network;
    if (network === null) count("unknown");
    else if (network instanceof Ipv4View || network instanceof Ipv6View) {
      count(`ip${network.version} ${network.protocol}`);
      count(`transport ${verifyTransport(network)}`);
      if (network instanceof Ipv4View) count(verifyIpv4Header(network) ? "header good" : "header bad");
    } else count("arp");
  }
  return counts;
}

describe("the committed captures", () => {
  it.each(["traffic.pcap", "traffic.pcapng"])(
    "%s has every kind of traffic, and no wrong checksum",
    (name) => {
      const counts = tally(new Uint8Array(readFileSync(`testdata/flow/${name}`)));
      for (const kind of ["arp", "ip4 1", "ip4 6", "ip4 17", "ip6 6", "ip6 17", "ip6 58"]) {
        expect(counts.get(kind), kind).toBeGreaterThan(1);
      }
      for (const vlan of [20, 30, 300]) expect(counts.get(`vlan ${vlan}`), `VLAN ${vlan}`).toBeGreaterThan(1);
      expect(counts.get("transport good")).toBeGreaterThan(10);
      expect([counts.get("transport bad"), counts.get("header bad"), counts.get("unknown")]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );
});
