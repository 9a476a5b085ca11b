import { beforeEach, describe, expect, it } from "vitest";
import { InternalHelper } from "../../src/platform/index.ts";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench, skbOf } from "./support.ts";

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => i + 1);

let bench: HelperBench;
let skb: number;
let buffer: number;
beforeEach(() => {
  bench = new HelperBench();
  skb = skbOf(bench, PACKET);
  buffer = bench.put(new Uint8Array(32).fill(0xee));
});

describe("bpf_skb_load_bytes", () => {
  const load = (offset: number, length: number) =>
    bench.invoke(BpfFuncId.skb_load_bytes, skb, offset, buffer, length);

  it("copies out of the packet", () => {
    expect(load(12, 4)).toBe(0);
    expect([...bench.get(buffer, 5)]).toEqual([13, 14, 15, 16, 0xee]);
    expect(load(60, 4)).toBe(0);
  });

  it.each([
    [61, 4],
    [64, 1],
    [-1, 4],
    [0x7fff_ffff, 4],
  ])("from %i, %i bytes: EFAULT, and the buffer is cleared", (offset, length) => {
    expect(load(offset, length)).toBe(-Errno.EFAULT);
    expect([...bench.get(buffer, length)]).toEqual(Array(length).fill(0));
    expect(bench.get(buffer + length, 1)[0]).toBe(0xee);
  });
});

describe("bpf_skb_load_bytes_relative", () => {
  const load = (offset: number, length: number, header: number) =>
    bench.invoke(BpfFuncId.skb_load_bytes_relative, skb, offset, buffer, length, header);

  it("counts from the MAC or the network header", () => {
    expect(load(0, 2, 0)).toBe(0);
    expect([...bench.get(buffer, 2)]).toEqual([1, 2]);
    expect(load(1, 2, 1)).toBe(0);
    expect([...bench.get(buffer, 2)]).toEqual([16, 17]);
  });

  it("refuses other headers, and what is behind the packet", () => {
    expect(load(0, 2, 2)).toBe(-Errno.EFAULT);
    expect(load(0x1_0000, 2, 0)).toBe(-Errno.EFAULT);
    expect(load(49, 2, 1)).toBe(-Errno.EFAULT);
    expect(load(48, 2, 1)).toBe(0);
  });
});

describe("bpf_skb_store_bytes", () => {
  const from = () => bench.put(Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3));
  const data = () => bench.get32("sk_buff", skb, "data");

  it("writes into the packet", () => {
    expect(bench.invoke(BpfFuncId.skb_store_bytes, skb, 62, from(), 2, 0)).toBe(0);
    expect([...bench.get(data() + 61, 3)]).toEqual([62, 0xa0, 0xa1]);
  });

  it("refuses unknown flags and places outside", () => {
    expect(bench.invoke(BpfFuncId.skb_store_bytes, skb, 0, from(), 2, 4)).toBe(-Errno.EINVAL);
    expect(bench.invoke(BpfFuncId.skb_store_bytes, skb, 0, from(), 2, 1n << 32n)).toBe(-Errno.EINVAL);
    expect(bench.invoke(BpfFuncId.skb_store_bytes, skb, 63, from(), 2, 0)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.skb_store_bytes, skb, -1, from(), 2, 0)).toBe(-Errno.EFAULT);
  });

  it("forgets the hash where asked to", () => {
    bench.set32("sk_buff", skb, "hash", 0x1234);
    bench.invoke(BpfFuncId.skb_store_bytes, skb, 0, from(), 2, 0);
    expect(bench.get32("sk_buff", skb, "hash")).toBe(0x1234);
    bench.invoke(BpfFuncId.skb_store_bytes, skb, 0, from(), 2, 2);
    expect(bench.get32("sk_buff", skb, "hash")).toBe(0);
  });
});

describe("what LD_ABS and LD_IND become", () => {
  const load = (id: number, offset: number) => {
    const low = bench.invoke(id, skb, offset);
    return (BigInt(bench.call.resultHigh) << 32n) | BigInt(low >>> 0);
  };

  it("reads big-endian values, zero-extended", () => {
    expect(load(InternalHelper.skbLoad8, 63)).toBe(64n);
    expect(load(InternalHelper.skbLoad16, 0)).toBe(0x0102n);
    expect(load(InternalHelper.skbLoad32, 4)).toBe(0x0506_0708n);
    bench.memory.bytes()[bench.get32("sk_buff", skb, "data")] = 0xff;
    expect(load(InternalHelper.skbLoad32, 0)).toBe(0xff02_0304n);
  });

  it("counts negative offsets from the headers", () => {
    expect(load(InternalHelper.skbLoad16, -0x10_0000)).toBe(0x0f10n);
    expect(load(InternalHelper.skbLoad16, -0x20_0000)).toBe(0x0102n);
    expect(load(InternalHelper.skbLoad8, -0x10_0000 + 49)).toBe(64n);
  });

  it.each([61, 64, -1, -0x20_0001, -0x10_0000 + 48])("fails at %i", (offset) => {
    expect(load(InternalHelper.skbLoad32, offset)).toBe(BigInt(-Errno.EFAULT));
  });
});

describe("bpf_skb_pull_data", () => {
  it("finds everything linear", () => {
    expect(bench.invoke(BpfFuncId.skb_pull_data, skb, 0)).toBe(0);
    expect(bench.invoke(BpfFuncId.skb_pull_data, skb, 64)).toBe(0);
    expect(bench.invoke(BpfFuncId.skb_pull_data, skb, 65)).toBe(-Errno.ENOMEM);
  });
});
