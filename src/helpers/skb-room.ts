import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { SkBuffAccess } from "./sk-buff.ts";

/** `BPF_SKB_MAX_LEN`: the data that four pages hold beside `struct skb_shared_info`. */
const FOUR_PAGES = 4 * 4096;

/** `NET_SKB_PAD` */
const HEADROOM_UNIT = 64;

const CACHE_LINE = 64;

/** `SKB_GSO` packets are as long as they like; this says which are. */
const GSO_SIZE = "skb_shared_info.gso_size";

/** Helpers that make a packet longer or shorter. */
export function skbRoomHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);
  const gsoSize = layout.offset(GSO_SIZE);
  const sharedInfo = (layout.sizeOf("skb_shared_info") + CACHE_LINE - 1) & -CACHE_LINE;
  const maximum = FOUR_PAGES - sharedInfo;
  const DATA_META = layout.offset("bpf_skb_data_end.data_meta");
  const DATA_END = layout.offset("bpf_skb_data_end.data_end");
  const CB = layout.offset("sk_buff.cb");
  const MAC_LENGTH = layout.offset("sk_buff.mac_len");
  /** Headers that move with the packet; the MAC header where there is one. */
  const headers = ["transport_header", "network_header", "mac_header", "inner_transport_header"]
    .concat("inner_network_header", "inner_mac_header")
    .map((name) => layout.offset(`sk_buff.${name}`));

  /**
   * `skb_cow`, within the block that the packet lies in: moves it towards the end where there is too little room in front.
   *
   * @returns false where there is none behind it either.
   */
  const makeHeadroom = (call: HelperCall, skb: number, wanted: number): boolean => {
    const view = call.memory.view();
    const head = view.getUint32(skb + skbs.head, true);
    const data = skbs.start(call, skb);
    if (data - head >= wanted) return true;
    const by = Math.ceil((wanted - (data - head)) / HEADROOM_UNIT) * HEADROOM_UNIT;
    const tail = view.getUint32(skb + skbs.tail, true);
    if (tail + by > view.getUint32(skb + skbs.end, true)) return false;
    call.memory.bytes().copyWithin(head + by, head, head + tail);
    view.setUint32(skb + skbs.data, data + by, true);
    view.setUint32(skb + skbs.tail, tail + by, true);
    for (const at of headers) {
      const offset = view.getUint16(skb + at, true);
      view.setUint16(skb + at, offset + by, true);
    }
    return true;
  };

  /** `bpf_compute_data_pointers` */
  const computePointers = (call: HelperCall, skb: number): void => {
    const view = call.memory.view();
    const data = skbs.start(call, skb);
    view.setUint32(skb + CB + DATA_META, data, true);
    view.setUint32(skb + CB + DATA_END, data + skbs.headLength(call, skb), true);
  };

  /** `bpf_skb_change_head` */
  const changeHead = (call: HelperCall, ...args: number[]): number => {
    const [pointer, room, flags, flagsHigh] = args as [number, number, number, number];
    const skb = pointer >>> 0;
    const view = call.memory.view();
    const length = view.getUint32(skb + skbs.len, true);
    const shared = view.getUint32(skb + skbs.head, true) + view.getUint32(skb + skbs.end, true);
    const segmented = view.getUint16(shared + gsoSize, true) !== 0;
    let result = 0;
    if (flags !== 0 || flagsHigh !== 0 || room < 0 || (!segmented && length + room > maximum)) {
      result = -Errno.EINVAL;
    } else if (!makeHeadroom(call, skb, room)) result = -Errno.ENOMEM;
    else {
      const data = skbs.start(call, skb) - room;
      view.setUint32(skb + skbs.data, data, true);
      view.setUint32(skb + skbs.len, length + room, true);
      call.memory.bytes().fill(0, data, data + room);
      const mac = data - view.getUint32(skb + skbs.head, true);
      view.setUint16(skb + skbs.macHeader, mac, true);
      view.setUint16(skb + MAC_LENGTH, view.getUint16(skb + skbs.networkHeader, true) - mac, true);
    }
    computePointers(call, skb);
    return result;
  };

  return [hostHelper(BpfFuncId.skb_change_head, { args: ["ptr", "i32", "i64"], result: "i32" }, changeHead)];
}
