import type { KernelLayout } from "../platform/index.ts";
import { BpfStoreBytesFlag, Errno } from "../uapi/index.ts";
import type { HelperCall } from "./helper.ts";
import { sumBlockAdd, sumBlockSub, sumBytes } from "./internet-checksum.ts";
import { CHECKSUM_COMPLETE, SkBuffAccess } from "./sk-buff.ts";

const INT_MAX = 0x7fff_ffff;

/** The bytes of packets in a `struct sk_buff`. Offsets and lengths are unsigned. */
export class SkbBytes {
  readonly skbs: SkBuffAccess;

  constructor(layout: KernelLayout) {
    this.skbs = new SkBuffAccess(layout);
  }

  /** Offset of `length` bytes of the packet; 0 where it has not so many there. */
  at(call: HelperCall, skb: number, offset: number, length: number): number {
    if (offset > INT_MAX || offset + length > this.skbs.headLength(call, skb)) return 0;
    return this.skbs.start(call, skb) + offset;
  }

  /** `bpf_skb_load_bytes`: zeros where it fails. EFAULT. */
  load(call: HelperCall, skb: number, offset: number, to: number, length: number): number {
    const from = this.at(call, skb, offset, length);
    if (from === 0) {
      call.memory.bytes().fill(0, to, to + length);
      return -Errno.EFAULT;
    }
    call.memory.bytes().copyWithin(to, from, from + length);
    return 0;
  }

  /** `bpf_skb_store_bytes`: EINVAL for flags that there are not, EFAULT. */
  store(call: HelperCall, skb: number, from: { at: number; length: number }, to: StoreTarget): number {
    const { skbs } = this;
    const { offset, flags, flagsHigh } = to;
    const { length } = from;
    const known = BpfStoreBytesFlag.RECOMPUTE_CSUM | BpfStoreBytesFlag.INVALIDATE_HASH;
    if ((flags & ~known) !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    const at = this.at(call, skb, offset, length);
    if (at === 0) return -Errno.EFAULT;
    const recompute =
      (flags & BpfStoreBytesFlag.RECOMPUTE_CSUM) !== 0 && skbs.ipSummed(call, skb) === CHECKSUM_COMPLETE;
    const view = call.memory.view();
    const before = recompute ? sumBytes(view, at, length, 0) : 0;
    call.memory.bytes().copyWithin(at, from.at, from.at + length);
    if (recompute) {
      const sum = sumBlockSub(view.getUint32(skb + skbs.csum, true), before, offset);
      view.setUint32(skb + skbs.csum, sumBlockAdd(sum, sumBytes(view, at, length, 0), offset), true);
    }
    if ((flags & BpfStoreBytesFlag.INVALIDATE_HASH) !== 0) skbs.clearHash(call, skb);
    return 0;
  }
}

/** Where in the packet bytes go, and `BPF_F_*` flags as halves. */
export interface StoreTarget {
  readonly offset: number;
  readonly flags: number;
  readonly flagsHigh: number;
}
