import { beforeEach, describe, expect, it } from "vitest";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench, skbOf } from "./support.ts";

const ADDRESSES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const Q = 0x0081;
const AD = 0xa888;

let bench: HelperBench;
let skb: number;
beforeEach(() => {
  bench = new HelperBench();
});

const make = (...rest: number[]) => {
  skb = skbOf(bench, Uint8Array.from([...ADDRESSES, ...rest]));
  bench.memory.view().setUint16(skb + bench.layout.offset("sk_buff.protocol"), (rest[0]! << 8) | rest[1]!);
};
const push = (protocol: number, control: number) =>
  bench.invoke(BpfFuncId.skb_vlan_push, skb, protocol, control);
const pop = () => bench.invoke(BpfFuncId.skb_vlan_pop, skb);
const member = (name: string) => bench.get32("sk_buff", skb, name);
const half = (name: string) => member(name) & 0xffff;
const packet = () => [...bench.get(member("data"), member("len"))];
const header = (name: string) => half(name) - (member("data") - member("head"));

describe("bpf_skb_vlan_push", () => {
  it("puts the first tag beside the packet", () => {
    make(8, 0, 0x45);
    expect(push(AD, 0x1_2064)).toBe(0);
    expect([half("vlan_proto"), half("vlan_tci"), half("protocol")]).toEqual([AD, 0x2064, 0x0008]);
    expect(packet()).toEqual([...ADDRESSES, 8, 0, 0x45]);
    expect(half("mac_len")).toBe(14);
  });

  it("takes any other protocol for 802.1Q", () => {
    make(8, 0);
    push(0x0008, 1);
    expect(half("vlan_proto")).toBe(Q);
  });

  it("puts the tag that is there into the packet, and counts it", () => {
    make(8, 0, 0x45);
    const summed = bench.layout.field("sk_buff.ip_summed");
    const view = bench.memory.view();
    view.setUint8(skb + summed.offset, 2 << summed.shift);
    push(Q, 0x0102);
    expect(push(AD, 5)).toBe(0);
    expect(packet()).toEqual([...ADDRESSES, 0x81, 0, 1, 2, 8, 0, 0x45]);
    expect([half("vlan_proto"), half("vlan_tci"), half("protocol")]).toEqual([AD, 5, Q]);
    expect([header("mac_header"), header("network_header"), half("mac_len")]).toEqual([0, 14, 14]);
    expect(member("csum")).toBe(0x0201_0081);
  });

  it("makes room in front, as long as the block has any", () => {
    make(8, 0, 0x45);
    for (let i = 0; i < 17; i++) expect(push(Q, i)).toBe(0);
    expect(header("mac_header")).toBe(0);
    expect(push(Q, 17)).toBe(0);
    expect(packet().slice(12, 20)).toEqual([0x81, 0, 0, 16, 0x81, 0, 0, 15]);
    expect(header("mac_header")).toBe(0);
    for (let i = 18; i < 33; i++) expect(push(Q, i)).toBe(0);
    expect(push(Q, 33)).toBe(-Errno.ENOMEM);
    expect([half("vlan_tci"), member("len")]).toEqual([32, 15 + 32 * 4]);
  });

  it("refuses a packet that does not begin at its MAC header", () => {
    make(8, 0, 0x45);
    push(Q, 1);
    bench.set32("sk_buff", skb, "mac_header", 60);
    expect(push(Q, 2)).toBe(-Errno.EINVAL);
    expect(half("vlan_tci")).toBe(1);
  });
});

describe("bpf_skb_vlan_pop", () => {
  it("does nothing where there is no tag", () => {
    make(8, 0, 0x45);
    expect(pop()).toBe(0);
    expect(packet()).toEqual([...ADDRESSES, 8, 0, 0x45]);
  });

  it("takes the tag beside the packet, and the next one in its place", () => {
    make(0x81, 0, 0x20, 0x64, 8, 0, 0x45);
    push(AD, 7);
    expect(pop()).toBe(0);
    expect([half("vlan_proto"), half("vlan_tci"), half("protocol")]).toEqual([Q, 0x2064, 0x0008]);
    expect(packet()).toEqual([...ADDRESSES, 8, 0, 0x45]);
    expect([header("mac_header"), header("network_header"), half("mac_len")]).toEqual([0, 14, 14]);
    expect(pop()).toBe(0);
    expect(member("vlan_all")).toBe(0);
  });

  it("takes a tag out of the packet's sum", () => {
    make(0x81, 0, 0x20, 0x64, 8, 0, 0x45);
    const summed = bench.layout.field("sk_buff.ip_summed");
    bench.memory.view().setUint8(skb + summed.offset, 2 << summed.shift);
    bench.set32("sk_buff", skb, "csum", 0x6420_0083);
    expect(pop()).toBe(0);
    expect(member("csum")).toBe(2);
  });

  it("fails where the packet ends inside the tag, and keeps what is done", () => {
    make(0x81, 0, 0x20);
    expect(pop()).toBe(-Errno.ENOMEM);
    expect(packet()).toEqual([...ADDRESSES, 0x81, 0, 0x20]);
    push(AD, 7);
    expect(pop()).toBe(-Errno.ENOMEM);
    expect(member("vlan_all")).toBe(0);
  });

  it("tells frames with a length from those with a type", () => {
    make(0x81, 0, 0, 1, 0, 4, 0xff, 0xff);
    pop();
    expect(half("protocol")).toBe(0x0100);
    make(0x81, 0, 0, 1, 0, 4, 0xff, 0);
    pop();
    expect(half("protocol")).toBe(0x0400);
  });
});
