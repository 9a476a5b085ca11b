import { beforeEach, describe, expect, it } from "vitest";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const ROOM = 512;

let bench: HelperBench;
let skb: number;
let head: number;
beforeEach(() => {
  bench = new HelperBench();
  const shared = bench.layout.sizeOf("skb_shared_info");
  head = bench.memory.alloc(ROOM + shared, 64);
  skb = bench.memory.alloc(bench.layout.sizeOf("sk_buff"));
  const packet = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
  bench.memory.bytes().set(packet, head + 64);
  for (const [member, value] of Object.entries({
    head,
    data: head + 64,
    len: 20,
    tail: 84,
    end: ROOM,
    mac_header: 50,
    network_header: 64,
  })) {
    bench.set32("sk_buff", skb, member, value);
  }
});

const change = (room: number, flags: number | bigint = 0) =>
  bench.invoke(BpfFuncId.skb_change_head, skb, room, flags);
const member = (name: string) => bench.get32("sk_buff", skb, name);
const header = (name: string) => member(name) & 0xffff;
const packet = () => [...bench.get(member("data"), member("len"))];

describe("bpf_skb_change_head", () => {
  it("puts zeros in front", () => {
    bench.memory.bytes().fill(0xee, head, head + 64);
    expect(change(14)).toBe(0);
    expect(member("data")).toBe(head + 50);
    expect(packet().slice(0, 16)).toEqual([...new Array(14).fill(0), 1, 2]);
    expect([header("mac_header"), header("network_header"), header("mac_len")]).toEqual([50, 64, 14]);
    const cb = skb + bench.layout.offset("sk_buff.cb");
    const view = bench.memory.view();
    expect(view.getUint32(cb + bench.layout.offset("bpf_skb_data_end.data_meta"), true)).toBe(head + 50);
    expect(view.getUint32(cb + bench.layout.offset("bpf_skb_data_end.data_end"), true)).toBe(head + 84);
  });

  it("moves the packet where there is too little room, by whole units", () => {
    expect(change(100)).toBe(0);
    expect(member("data")).toBe(head + 128 - 100);
    expect(member("tail")).toBe(148);
    expect(header("network_header")).toBe(128);
    expect(packet().slice(98, 103)).toEqual([0, 0, 1, 2, 3]);
    expect(member("len")).toBe(120);
  });

  it("refuses flags, negative room and what is too long", () => {
    expect(change(1, 1)).toBe(-Errno.EINVAL);
    expect(change(1, 2n ** 32n)).toBe(-Errno.EINVAL);
    expect(change(-1)).toBe(-Errno.EINVAL);
    expect(change(20_000)).toBe(-Errno.EINVAL);
    expect(change(4096)).toBe(-Errno.ENOMEM);
    expect(member("len")).toBe(20);
  });
});
