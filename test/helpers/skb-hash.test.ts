import { beforeEach, describe, expect, it } from "vitest";
import { flowKeys } from "../../src/helpers/flow-keys.ts";
import { sipHash } from "../../src/helpers/siphash.ts";
import { BpfFuncId } from "../../src/uapi/index.ts";
import { HelperBench, skbOf } from "./support.ts";

const IP = 0x0800;
const IPV6 = 0x86dd;

let bench: HelperBench;
beforeEach(() => {
  bench = new HelperBench();
  Object.assign(bench.services, { flowKey: () => [1, 2, 3, 4] });
});

/** An IPv4 packet with two ports. */
function udp(source: number, destination: number, ports: [number, number], fragment = 0): Uint8Array {
  const packet = new Uint8Array(28);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(6, fragment);
  view.setUint8(9, 17);
  view.setUint32(12, source);
  view.setUint32(16, destination);
  view.setUint16(20, ports[0]);
  view.setUint16(22, ports[1]);
  return packet;
}

/** An IPv6 packet of some chain of headers, with TCP ports 1 and 2 at its end. */
function ipv6(headers: readonly number[], label = 0): Uint8Array {
  const packet = new Uint8Array(40 + 8 * headers.length + 4);
  const view = new DataView(packet.buffer);
  view.setUint32(0, 0x6000_0000 | label);
  [...headers, 6].forEach((header, i) => {
    packet[i === 0 ? 6 : 40 + 8 * (i - 1)] = header;
  });
  packet[23] = 9;
  view.setUint16(packet.length - 4, 1);
  view.setUint16(packet.length - 2, 2);
  return packet;
}

function skb(packet: Uint8Array, protocol = IP): number {
  const at = skbOf(bench, packet, { network: 0 });
  bench.memory.view().setUint16(at + bench.layout.offset("sk_buff.protocol"), protocol);
  return at;
}

const hash = (at: number) => bench.invoke(BpfFuncId.get_hash_recalc, at);

describe("SipHash-2-4", () => {
  it("is that of its authors", () => {
    const { low, high } = sipHash(
      Uint8Array.from({ length: 15 }, (_, i) => i),
      [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c],
    );
    expect([high >>> 0, low >>> 0]).toEqual([0xa129_ca61, 0x49be_45e5]);
    const none = sipHash(new Uint8Array(0), [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c]);
    expect([none.high >>> 0, none.low >>> 0]).toEqual([0x726f_db47, 0xdd0e_0e31]);
  });
});

describe("bpf_get_hash_recalc", () => {
  it("is the same for both directions of a flow, and another for others", () => {
    const there = hash(skb(udp(1, 2, [10, 20])));
    expect(hash(skb(udp(2, 1, [20, 10])))).toBe(there);
    expect(hash(skb(udp(1, 2, [10, 21])))).not.toBe(there);
    expect(hash(skb(udp(1, 3, [10, 20])))).not.toBe(there);
    expect(there).not.toBe(0);
  });

  it("stays until somebody makes it invalid", () => {
    const at = skb(udp(1, 2, [10, 20]));
    const before = hash(at);
    bench.memory.bytes()[bench.get32("sk_buff", at, "data") + 20]! ^= 1;
    expect(hash(at)).toBe(before);
    expect(bench.invoke(BpfFuncId.set_hash_invalid, at)).toBe(0);
    expect(bench.get32("sk_buff", at, "hash")).toBe(0);
    expect(hash(at)).not.toBe(before);
    expect(bench.invoke(BpfFuncId.set_hash, at, 77)).toBe(0);
    expect(hash(at)).toBe(77);
  });
});

describe("what a flow is told by", () => {
  const ports = (packet: Uint8Array, protocol: number) => flowKeys(packet, protocol).ports;

  it("ports, except of fragments", () => {
    expect([...ports(udp(1, 2, [1, 2]), IP)!]).toEqual([0, 1, 0, 2]);
    expect(ports(udp(1, 2, [1, 2], 0x2000), IP)).toBeNull();
    expect(ports(udp(1, 2, [1, 2], 0x4000), IP)).not.toBeNull();
    expect(flowKeys(udp(1, 2, [1, 2], 0x0010), IP).transport).toBe(17);
  });

  it("IPv6: behind extensions, unless the sender named the flow or sent a fragment", () => {
    for (const headers of [[], [0], [43, 60]]) {
      expect(flowKeys(ipv6(headers), IPV6)).toMatchObject({ transport: 6, flowLabel: 0 });
      expect([...ports(ipv6(headers), IPV6)!]).toEqual([0, 1, 0, 2]);
    }
    expect(ports(ipv6([44]), IPV6)).toBeNull();
    expect(flowKeys(ipv6([44]), IPV6).transport).toBe(6);
    expect(flowKeys(ipv6([], 0x12345), IPV6)).toMatchObject({ flowLabel: 0x12345, ports: null });
  });

  it("looks behind VLAN tags, and takes what is cut short as it is", () => {
    const tagged = new Uint8Array([0, 5, 0x81, 0, 0, 6, 0x08, 0, ...udp(1, 2, [1, 2])]);
    expect(flowKeys(tagged, 0x88a8)).toMatchObject({ vlan: 5, protocol: IP, transport: 17 });
    expect(flowKeys(udp(1, 2, [1, 2]).subarray(0, 19), IP)).toMatchObject({ transport: 0, ports: null });
    expect(flowKeys(udp(1, 2, [1, 2]).subarray(0, 23), IP)).toMatchObject({ transport: 17, ports: null });
    expect(flowKeys(new Uint8Array(0), 0x8100)).toMatchObject({ protocol: 0x8100 });
  });
});
