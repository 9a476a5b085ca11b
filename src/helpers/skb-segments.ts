import type { KernelLayout } from "../platform/index.ts";
import type { HelperCall } from "./helper.ts";
import { SkBuffAccess } from "./sk-buff.ts";

/** `SKB_GSO_*`, as far as helpers set or ask for them. */
export const SegmentType = {
  TCPV4: 1 << 0,
  DODGY: 1 << 1,
  TCPV6: 1 << 4,
  GRE: 1 << 6,
  IPXIP4: 1 << 8,
  IPXIP6: 1 << 9,
  UDP_TUNNEL: 1 << 10,
  UDP_L4: 1 << 17,
} as const;

/** What `struct skb_shared_info`, behind the packet's block, says of the segments that the packet will become. */
export class SkbSegments {
  readonly #skbs: SkBuffAccess;
  readonly #size: number;
  readonly #count: number;
  readonly #type: number;

  constructor(layout: KernelLayout) {
    this.#skbs = new SkBuffAccess(layout);
    this.#size = layout.offset("skb_shared_info.gso_size");
    this.#count = layout.offset("skb_shared_info.gso_segs");
    this.#type = layout.offset("skb_shared_info.gso_type");
  }

  /** `skb_is_gso` */
  any(call: HelperCall, skb: number): boolean {
    return this.size(call, skb) !== 0;
  }

  /** Bytes of a segment's payload; 0 for a packet that stays whole. */
  size(call: HelperCall, skb: number): number {
    return call.memory.view().getUint16(this.#at(call, skb) + this.#size, true);
  }

  setSize(call: HelperCall, skb: number, size: number): void {
    call.memory.view().setUint16(this.#at(call, skb) + this.#size, size, true);
  }

  /** {@link SegmentType} bits. */
  type(call: HelperCall, skb: number): number {
    return call.memory.view().getUint32(this.#at(call, skb) + this.#type, true);
  }

  setType(call: HelperCall, skb: number, type: number): void {
    call.memory.view().setUint32(this.#at(call, skb) + this.#type, type, true);
  }

  /** Whoever sends the packet counts its segments anew. */
  forgetCount(call: HelperCall, skb: number): void {
    call.memory.view().setUint16(this.#at(call, skb) + this.#count, 0, true);
  }

  /** `skb_gso_reset` */
  reset(call: HelperCall, skb: number): void {
    this.setSize(call, skb, 0);
    this.forgetCount(call, skb);
    this.setType(call, skb, 0);
  }

  /** Offset of the `struct skb_shared_info`. */
  #at(call: HelperCall, skb: number): number {
    const view = call.memory.view();
    return view.getUint32(skb + this.#skbs.head, true) + view.getUint32(skb + this.#skbs.end, true);
  }
}

/** `BPF_SKB_MAX_LEN`: the data that four pages hold beside `struct skb_shared_info`. */
export function longestPacket(layout: KernelLayout): number {
  const sharedInfo = (layout.sizeOf("skb_shared_info") + CACHE_LINE - 1) & -CACHE_LINE;
  return 4 * PAGE - sharedInfo;
}

const PAGE = 4096;
const CACHE_LINE = 64;
