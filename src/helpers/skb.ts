import { InternalHelper, type KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfHdrStart, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { SkbBytes } from "./skb-bytes.ts";

/** Offsets of LD_ABS from here on count from the network header, and below from the link layer (`SKF_NET_OFF`, `SKF_LL_OFF`). */
const NET_OFFSET = -0x10_0000;
const LINK_OFFSET = -0x20_0000;

/** Helpers over the bytes of a `struct sk_buff`. */
export function skbHelpers(layout: KernelLayout): readonly Helper[] {
  const packets = new SkbBytes(layout);
  const { skbs } = packets;

  const clear = (call: HelperCall, to: number, length: number): number => {
    call.memory.bytes().fill(0, to, to + length);
    return -Errno.EFAULT;
  };

  const loadBytes = (call: HelperCall, skb: number, offset: number, to: number, length: number): number =>
    packets.load(call, skb >>> 0, offset >>> 0, to >>> 0, length >>> 0);

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

  const storeBytes = (
    call: HelperCall,
    skb: number,
    offset: number,
    from: number,
    length: number,
    flags: number,
    flagsHigh: number,
  ): number =>
    packets.store(
      call,
      skb >>> 0,
      { at: from >>> 0, length: length >>> 0 },
      { offset: offset >>> 0, flags, flagsHigh },
    );

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
