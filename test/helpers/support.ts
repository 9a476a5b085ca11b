import { utf8 } from "../../src/base/index.ts";
import { createHelpers, type HelperCall } from "../../src/helpers/index.ts";
import { defaultLayout, type KernelLayout } from "../../src/platform/index.ts";
import { Bench } from "../vm/support.ts";

/** Calls the bodies of helpers as an engine would, on a memory of their own. */
export class HelperBench extends Bench {
  readonly layout: KernelLayout;

  constructor(layout: KernelLayout = defaultLayout()) {
    super(createHelpers(layout));
    this.layout = layout;
  }

  get call(): HelperCall {
    return this.executor.call;
  }

  /** Calls a host body; `i64` arguments as bigints. */
  invoke(id: number, ...args: (number | bigint)[]): number {
    const helper = this.helpers.get(id)!;
    if (helper.body.kind !== "host") throw new Error(`helper ${id} is emitted`);
    const halves = args.flatMap((arg, i) => {
      if (helper.args[i] !== "i64") return [Number(arg) | 0];
      const value = BigInt.asIntN(64, BigInt(arg));
      return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
    });
    return helper.body.call(this.call, ...halves);
  }

  /** Bytes in memory; offset of the first. */
  put(bytes: Uint8Array | string): number {
    const content = typeof bytes === "string" ? utf8(`${bytes}\0`) : bytes;
    const at = this.memory.alloc(Math.max(8, content.length));
    this.memory.bytes().set(content, at);
    return at;
  }

  get(at: number, length: number): Uint8Array {
    return this.memory.bytes().slice(at, at + length);
  }

  set32(struct: string, at: number, member: string, value: number): void {
    const place = this.layout.field(`${struct}.${member}`);
    const view = this.memory.view();
    if (place.size === 2) view.setUint16(at + place.offset, value, true);
    else view.setUint32(at + place.offset, value, true);
  }

  get32(struct: string, at: number, member: string): number {
    return this.memory.view().getUint32(at + this.layout.offset(`${struct}.${member}`), true);
  }
}

/** A `struct sk_buff` over a packet with 64 bytes of headroom. */
export function skbOf(bench: HelperBench, packet: Uint8Array, options: { network?: number } = {}): number {
  const head = bench.memory.alloc(64 + packet.length + 64);
  bench.memory.bytes().set(packet, head + 64);
  const skb = bench.memory.alloc(bench.layout.sizeOf("sk_buff"));
  bench.set32("sk_buff", skb, "head", head);
  bench.set32("sk_buff", skb, "data", head + 64);
  bench.set32("sk_buff", skb, "len", packet.length);
  bench.set32("sk_buff", skb, "data_len", 0);
  bench.set32("sk_buff", skb, "tail", 64 + packet.length);
  bench.set32("sk_buff", skb, "end", 64 + packet.length + 64);
  bench.set32("sk_buff", skb, "mac_header", 64);
  bench.set32("sk_buff", skb, "network_header", 64 + (options.network ?? 14));
  return skb;
}
