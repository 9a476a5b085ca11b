import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench, skbOf } from "./support.ts";

const bench = new HelperBench();
const { l3_csum_replace: L3, l4_csum_replace: L4 } = BpfFuncId;

/** The checksum of a header whose field at 10 is taken as 0. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) if (i !== 10) sum += header[i]! | (header[i + 1]! << 8);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const header = fc.uint8Array({ minLength: 20, maxLength: 20 });

/** The two zeros of ones' complement are one value. */
const same = (a: number, b: number) => a % 0xffff === b % 0xffff;

describe.each([
  ["bpf_l3_csum_replace", L3],
  ["bpf_l4_csum_replace", L4],
])("%s", (_, id) => {
  it.each([2, 4])("follows a change of %i bytes", (width) => {
    fc.assert(
      fc.property(header, fc.uint8Array({ minLength: width, maxLength: width }), (bytes, changed) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        view.setUint16(10, checksum(bytes), true);
        const skb = skbOf(bench, bytes);
        const word = (from: Uint8Array) => from.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);
        const after = bytes.slice();
        after.set(changed, 12);
        expect(bench.invoke(id, skb, 10, word(bytes.slice(12, 12 + width)), word(changed), width)).toBe(0);
        const data = bench.get32("sk_buff", skb, "data");
        expect(same(bench.memory.view().getUint16(data + 10, true), checksum(after))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("takes a difference as bpf_csum_diff gives it", () => {
    const bytes = Uint8Array.from({ length: 20 }, (_byte, i) => i * 7);
    new DataView(bytes.buffer).setUint16(10, checksum(bytes), true);
    const skb = skbOf(bench, bytes);
    const after = bytes.slice();
    after.set([9, 8, 7, 6], 16);
    const difference = bench.invoke(
      28,
      bench.put(bytes.slice(16, 20)),
      4,
      bench.put(after.slice(16, 20)),
      4,
      0,
    );
    expect(bench.invoke(id, skb, 10, 0, difference, 0)).toBe(0);
    const data = bench.get32("sk_buff", skb, "data");
    expect(bench.memory.view().getUint16(data + 10, true)).toBe(checksum(after));
  });

  it("refuses what Linux refuses", () => {
    const skb = skbOf(bench, new Uint8Array(20));
    expect(bench.invoke(id, skb, 10, 1, 2, 0)).toBe(-Errno.EINVAL);
    expect(bench.invoke(id, skb, 10, 1, 2, 3)).toBe(-Errno.EINVAL);
    expect(bench.invoke(id, skb, 10, 1, 2, 0x102)).toBe(-Errno.EINVAL);
    expect(bench.invoke(id, skb, 10, 1, 2, 1n << 40n)).toBe(-Errno.EINVAL);
    expect(bench.invoke(id, skb, 11, 1, 2, 2)).toBe(-Errno.EFAULT);
    expect(bench.invoke(id, skb, 20, 1, 2, 2)).toBe(-Errno.EFAULT);
    expect(bench.invoke(id, skb, 0x1_0000, 1, 2, 2)).toBe(-Errno.EFAULT);
  });
});

describe("checksums of 0", () => {
  const MANGLED = 0x20;
  const ENFORCE = 0x40;
  const at = (skb: number) => bench.memory.view().getUint16(bench.get32("sk_buff", skb, "data") + 10, true);

  it("of UDP stay, as they say that there is none", () => {
    const skb = skbOf(bench, new Uint8Array(20));
    expect(bench.invoke(L4, skb, 10, 0, 5, MANGLED | 2)).toBe(0);
    expect(at(skb)).toBe(0);
    expect(bench.invoke(L4, skb, 10, 0, 5, MANGLED | ENFORCE | 2)).toBe(0);
    expect(at(skb)).not.toBe(0);
  });

  it("of UDP that come out become 0xffff", () => {
    const bytes = new Uint8Array(20);
    new DataView(bytes.buffer).setUint16(10, 5, true);
    const skb = skbOf(bench, bytes);
    bench.invoke(L4, skb, 10, 0, 5, MANGLED | 2);
    expect(at(skb)).toBe(0xffff);
  });
});

describe("bpf_csum_update and bpf_csum_level", () => {
  const ipSummed = bench.layout.field("sk_buff.ip_summed");
  const packet = (summed: number): number => {
    const skb = skbOf(bench, new Uint8Array(20));
    bench.memory.bytes()[skb + ipSummed.offset]! |= summed << ipSummed.shift;
    return skb;
  };
  const summedOf = (skb: number) =>
    (bench.memory.bytes()[skb + ipSummed.offset]! & ipSummed.mask) >> ipSummed.shift;
  const level = (skb: number, action: number | bigint) => bench.invoke(BpfFuncId.csum_level, skb, action);

  it("adds to the sum of a packet that has one", () => {
    const skb = packet(2);
    bench.set32("sk_buff", skb, "csum", 0xffff_fff0);
    expect(bench.invoke(BpfFuncId.csum_update, skb, 0x20)).toBe(0x11);
    expect(bench.call.resultHigh).toBe(0);
    expect(bench.get32("sk_buff", skb, "csum")).toBe(0x11);
    expect(bench.invoke(BpfFuncId.csum_update, packet(0), 1)).toBe(-524);
    expect(bench.call.resultHigh).toBe(-1);
  });

  it("counts how many checksums need no look", () => {
    const [QUERY, INC, DEC, RESET] = [0, 1, 2, 3];
    const skb = packet(0);
    expect(level(skb, QUERY)).toBe(-Errno.EACCES);
    for (const expected of [0, 1, 2, 3, 3]) {
      expect(level(skb, INC)).toBe(0);
      expect(level(skb, QUERY)).toBe(expected);
    }
    level(skb, DEC);
    expect(level(skb, QUERY)).toBe(2);
    level(skb, RESET);
    expect(summedOf(skb)).toBe(0);
    level(skb, INC);
    level(skb, DEC);
    expect(summedOf(skb)).toBe(0);
    expect(level(skb, 4)).toBe(-Errno.EINVAL);
    expect(level(skb, 2n ** 32n)).toBe(-Errno.EINVAL);
    expect(level(packet(2), INC)).toBe(0);
  });
});
