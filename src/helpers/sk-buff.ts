import type { KernelLayout } from "../platform/index.ts";
import type { HelperCall } from "./helper.ts";

/** `CHECKSUM_COMPLETE`, `CHECKSUM_PARTIAL` */
export const CHECKSUM_COMPLETE = 2;
export const CHECKSUM_PARTIAL = 3;

/** Members of `struct sk_buff` that helpers use, at the places that a kernel's BTF says. */
export class SkBuffAccess {
  readonly len: number;
  readonly dataLen: number;
  readonly head: number;
  readonly data: number;
  readonly tail: number;
  readonly end: number;
  readonly csum: number;
  readonly hash: number;
  readonly networkHeader: number;
  readonly macHeader: number;
  readonly #ipSummed: { readonly offset: number; readonly shift: number; readonly mask: number };
  readonly #hashBits: readonly { readonly offset: number; readonly mask: number }[];

  constructor(layout: KernelLayout) {
    const at = (member: string) => layout.offset(`sk_buff.${member}`);
    this.len = at("len");
    this.dataLen = at("data_len");
    this.head = at("head");
    this.data = at("data");
    this.tail = at("tail");
    this.end = at("end");
    this.csum = at("csum");
    this.hash = at("hash");
    this.networkHeader = at("network_header");
    this.macHeader = at("mac_header");
    this.#ipSummed = layout.field("sk_buff.ip_summed");
    this.#hashBits = [layout.field("sk_buff.sw_hash"), layout.field("sk_buff.l4_hash")];
  }

  /** Offset of the packet's first byte. */
  start(call: HelperCall, skb: number): number {
    return call.memory.view().getUint32(skb + this.data, true);
  }

  /** Bytes in the linear part: all, as packets have no fragments here. */
  headLength(call: HelperCall, skb: number): number {
    const view = call.memory.view();
    return view.getUint32(skb + this.len, true) - view.getUint32(skb + this.dataLen, true);
  }

  /** Offset behind the last byte of the linear part. */
  tailPointer(call: HelperCall, skb: number): number {
    const view = call.memory.view();
    return view.getUint32(skb + this.head, true) + view.getUint32(skb + this.tail, true);
  }

  /** Offset of the MAC (0) or network header (1), as `bpf_hdr_start` counts. */
  header(call: HelperCall, skb: number, which: 0 | 1): number {
    const view = call.memory.view();
    const member = which === 0 ? this.macHeader : this.networkHeader;
    return view.getUint32(skb + this.head, true) + view.getUint16(skb + member, true);
  }

  ipSummed(call: HelperCall, skb: number): number {
    const { offset, shift, mask } = this.#ipSummed;
    return (call.memory.view().getUint8(skb + offset) & mask) >> shift;
  }

  /** `skb_clear_hash` */
  clearHash(call: HelperCall, skb: number): void {
    const view = call.memory.view();
    view.setUint32(skb + this.hash, 0, true);
    for (const { offset, mask } of this.#hashBits) {
      view.setUint8(skb + offset, view.getUint8(skb + offset) & ~mask);
    }
  }
}
