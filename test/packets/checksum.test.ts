import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Ipv4View,
  Ipv6View,
  internetChecksum,
  ipv4HeaderChecksum,
  onesComplementSum,
  transportChecksum,
  verifyIpv4Header,
  verifyTransport,
} from "../../src/packets/index.ts";
import { hex, ipv4Frame } from "./frames.ts";

describe("internet checksum", () => {
  it("sums RFC 1071's example", () => {
    expect(onesComplementSum(hex("0001 f203 f4f5 f6f7"))).toBe(0xddf2);
    expect(internetChecksum(hex("0001 f203 f4f5 f6f7"))).toBe(0x220d);
  });

  it("pads an odd byte and continues over parts", () => {
    expect(onesComplementSum(hex("0102 03"))).toBe(0x0402);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (bytes, half) => {
        const cut = Math.min(half * 2, bytes.length & ~1);
        expect(onesComplementSum(bytes, cut, bytes.length, onesComplementSum(bytes, 0, cut))).toBe(
          onesComplementSum(bytes),
        );
      }),
    );
  });

  it("does not overflow", () => {
    expect(onesComplementSum(new Uint8Array(1 << 20).fill(0xff))).toBe(0xffff);
  });
});

describe("IP checksums", () => {
  it("are verified and computed", () => {
    const frame = ipv4Frame();
    const ip = Ipv4View.at(frame, 14)!;
    expect([verifyIpv4Header(ip), verifyTransport(ip)]).toEqual([true, "good"]);
    expect([ipv4HeaderChecksum(ip), transportChecksum(ip)]).toEqual([0xfffe, 0xb5a5]);
    frame[frame.length - 1] ^= 1;
    expect(verifyTransport(ip)).toBe("bad");
    frame[14 + 8]--;
    expect(verifyIpv4Header(ip)).toBe(false);
    frame[40] = frame[41] = 0;
    expect(verifyTransport(ip)).toBe("absent");
  });

  it("are unknown where bytes are missing", () => {
    const ip = Ipv4View.at(ipv4Frame().subarray(0, 43), 14)!;
    expect([verifyTransport(ip), transportChecksum(ip)]).toEqual(["unknown", null]);
  });

  it("never leave a UDP checksum of 0, and cover any payload", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(6, 17, 58), (payload, protocol) => {
        const packet = new Uint8Array(40 + 20 + payload.length);
        packet.set(
          hex("60000000 0000 00 40 fd770000000000000000000000000001 fd770000000000000000000000000002"),
        );
        packet[4] = (20 + payload.length) >> 8;
        packet[5] = (20 + payload.length) & 0xff;
        packet[6] = protocol;
        packet.set(payload, 60);
        const ip = Ipv6View.at(packet, 0)!;
        const sum = transportChecksum(ip)!;
        const field = 40 + (protocol === 6 ? 16 : protocol === 17 ? 6 : 2);
        packet[field] = sum >> 8;
        packet[field + 1] = sum & 0xff;
        expect(verifyTransport(ip)).toBe("good");
        if (protocol === 17) expect(sum).not.toBe(0);
      }),
    );
  });
});
