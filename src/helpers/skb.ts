import { InternalHelper, type KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfHdrStart, BpfStoreBytesFlag, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { sumBlockAdd, sumBlockSub, sumBytes } from "./internet-checksum.ts";
import { CHECKSUM_COMPLETE, SkBuffAccess } from "./sk-buff.ts";

const INT_MAX = 0x7fff_ffff;

/** Offsets of LD_ABS from here on count from the network header, and below from the link layer (`SKF_NET_OFF`, `SKF_LL_OFF`). */
const NET_OFFSET = -0x10_0000;
const LINK_OFFSET = -0x20_0000;

/** Helpers over the bytes of a `struct sk_buff`. */
export function skbHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);

  const clear = (call: HelperCall, to: number, length: number): number => {
    call.memory.bytes().fill(0, to, to + length);
    return -Errno.EFAULT;
  };

  /** `bpf_skb_load_bytes` */
  const loadBytes = (call: HelperCall, skb: number, offset: number, to: number, length: number): number => {
    skb >>>= 0;
    offset >>>= 0;
    to >>>= 0;
    length >>>= 0;
    if (offset > INT_MAX || offset + length > skbs.headLength(call, skb)) return clear(call, to, length);
    const from = skbs.start(call, skb) + offset;
    call.memory.bytes().copyWithin(to, from, from + length);
    return 0;
  };

  /** `bpf_skb_load_bytes_relative` */
  const loadRelative = (
    call: HelperCall,
    skb: number,
    offset: number,
    to: number,
    length: number,
    which: number,
  ): number => {
    skb >>>= 0;
    offset >>>= 0;
    to >>>= 0;
    length >>>= 0;
    if (offset > 0xffff) return clear(call, to, length);
    if (which !== BpfHdrStart.MAC && which !== BpfHdrStart.NET) return clear(call, to, length);
    const from = skbs.header(call, skb, which) + offset;
    if (from + length > skbs.tailPointer(call, skb)) return clear(call, to, length);
    call.memory.bytes().copyWithin(to, from, from + length);
    return 0;
  };

  /** `bpf_skb_store_bytes` */
  const storeBytes = (
    call: HelperCall,
    skb: number,
    offset: number,
    from: number,
    length: number,
    flags: number,
    flagsHigh: number,
  ): number => {
    skb >>>= 0;
    offset >>>= 0;
    from >>>= 0;
    length >>>= 0;
    const known = BpfStoreBytesFlag.RECOMPUTE_CSUM | BpfStoreBytesFlag.INVALIDATE_HASH;
    if ((flags & ~known) !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    if (offset > INT_MAX || offset + length > skbs.headLength(call, skb)) return -Errno.EFAULT;
    const at = skbs.start(call, skb) + offset;
    const recompute =
      (flags & BpfStoreBytesFlag.RECOMPUTE_CSUM) !== 0 && skbs.ipSummed(call, skb) === CHECKSUM_COMPLETE;
    const view = call.memory.view();
    const before = recompute ? sumBytes(view, at, length, 0) : 0;
    call.memory.bytes().copyWithin(at, from, from + length);
    if (recompute) {
      const sum = sumBlockSub(view.getUint32(skb + skbs.csum, true), before, offset);
      view.setUint32(skb + skbs.csum, sumBlockAdd(sum, sumBytes(view, at, length, 0), offset), true);
    }
    if ((flags & BpfStoreBytesFlag.INVALIDATE_HASH) !== 0) skbs.clearHash(call, skb);
    return 0;
  };

  /** `bpf_skb_pull_data`: everything is linear already; only a length that the packet does not have fails. */
  const pullData = (call: HelperCall, skb: number, length: number): number => {
    skb >>>= 0;
    length >>>= 0;
    return length > skbs.headLength(call, skb) ? -Errno.ENOMEM : 0;
  };

  /**
   * `bpf_skb_load_helper_*_no_cache`: what LD_ABS and LD_IND become. Big-endian values zero-extended, or -EFAULT.
   */
  const loadPacket =
    (size: 1 | 2 | 4) =>
    (call: HelperCall, skb: number, offset: number): number => {
      skb >>>= 0;
      const at = placeOf(call, skb, offset, size);
      if (at === 0) {
        call.resultHigh = -1;
        return -Errno.EFAULT;
      }
      call.resultHigh = 0;
      const view = call.memory.view();
      if (size === 1) return view.getUint8(at);
      return size === 2 ? view.getUint16(at) : view.getInt32(at);
    };

  const placeOf = (call: HelperCall, skb: number, offset: number, size: number): number => {
    if (offset >= 0) {
      return offset + size <= skbs.headLength(call, skb) ? skbs.start(call, skb) + offset : 0;
    }
    if (offset < LINK_OFFSET) return 0;
    const net = offset >= NET_OFFSET;
    const at = skbs.header(call, skb, net ? 1 : 0) + offset - (net ? NET_OFFSET : LINK_OFFSET);
    const head = call.memory.view().getUint32(skb + skbs.head, true);
    return at >= head && at + size <= skbs.tailPointer(call, skb) ? at : 0;
  };

  const internal = (id: number, name: string, size: 1 | 2 | 4): Helper => ({
    id,
    name,
    args: ["ptr", "i32"],
    result: "i64",
    checks: [{ kind: "context" }, { kind: "anything" }],
    body: { kind: "host", call: loadPacket(size) },
  });

  return [
    hostHelper(BpfFuncId.skb_load_bytes, { args: ["ptr", "i32", "ptr", "i32"], result: "i32" }, loadBytes),
    hostHelper(
      BpfFuncId.skb_load_bytes_relative,
      { args: ["ptr", "i32", "ptr", "i32", "i32"], result: "i32" },
      loadRelative,
    ),
    hostHelper(
      BpfFuncId.skb_store_bytes,
      { args: ["ptr", "i32", "ptr", "i32", "i64"], result: "i32" },
      storeBytes,
    ),
    hostHelper(BpfFuncId.skb_pull_data, { args: ["ptr", "i32"], result: "i32" }, pullData),
    internal(InternalHelper.skbLoad8, "skb_load_8", 1),
    internal(InternalHelper.skbLoad16, "skb_load_16", 2),
    internal(InternalHelper.skbLoad32, "skb_load_32", 4),
  ];
}
