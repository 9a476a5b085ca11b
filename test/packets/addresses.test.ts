import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIpv4, formatIpv6, formatMac } from "../../src/packets/index.ts";

function ipv6(...groups: number[]): Uint8Array {
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

describe("addresses", () => {
  it("are formatted from an offset", () => {
    expect(formatMac(Uint8Array.of(9, 2, 0, 0, 0, 0x77, 0xff), 1)).toBe("02:00:00:00:77:ff");
    expect(formatIpv4(Uint8Array.of(9, 192, 0, 2, 1), 1)).toBe("192.0.2.1");
  });

  it.each([
    ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
    ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
    ["2001:db8::1", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]],
    ["2001:db8:0:1:1:1:1:1", [0x2001, 0xdb8, 0, 1, 1, 1, 1, 1]],
    ["2001:db8::1:0:0:1", [0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]],
    ["2001:0:0:1::1", [0x2001, 0, 0, 1, 0, 0, 0, 1]],
    ["fe80::", [0xfe80, 0, 0, 0, 0, 0, 0, 0]],
    ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
    ["::ffff:192.0.2.1", [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]],
    ["0:1::", [0, 1, 0, 0, 0, 0, 0, 0]],
  ])("IPv6 %s", (text, groups) => {
    expect(formatIpv6(ipv6(...groups))).toBe(text);
  });

  it("IPv6 is what the URL standard's serializer prints, but for mapped addresses", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }),
        (groups) => {
          fc.pre(!(groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)));
          const long = groups.map((group) => group.toString(16).padStart(4, "0")).join(":");
          expect(`[${formatIpv6(ipv6(...groups))}]`).toBe(new URL(`http://[${long}]/`).hostname);
        },
      ),
    );
  });
});
