import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { CHECKSUM_COMPLETE, CHECKSUM_NONE, CHECKSUM_PARTIAL } from "./sk-buff.ts";
import { longestPacket, SkbSegments } from "./skb-segments.ts";
import { SkbSpace } from "./skb-space.ts";

/** `ENOTSUPP`, which no header of user space names. */
const ENOTSUPP = 524;

/** The highest of `PACKET_HOST` … `PACKET_OTHERHOST`: the others are not for programs. */
const PACKET_OTHERHOST = 3;

/** Helpers that make a packet longer or shorter at its ends, or say whose it is. */
export function skbRoomHelpers(layout: KernelLayout): readonly Helper[] {
  const space = new SkbSpace(layout);
  const segments = new SkbSegments(layout);
  const { skbs } = space;
  const maximum = longestPacket(layout);
  const encapsulation = layout.field("sk_buff.encapsulation");
  const packetType = layout.field("sk_buff.pkt_type");

  /** `bpf_skb_change_head` */
  const changeHead = (call: HelperCall, ...args: number[]): number => {
    const [pointer, room, flags, flagsHigh] = args as [number, number, number, number];
    const skb = pointer >>> 0;
    const tooLong = !segments.any(call, skb) && space.length(call, skb) + room > maximum;
    let result = 0;
    if (flags !== 0 || flagsHigh !== 0 || room < 0 || tooLong) result = -Errno.EINVAL;
    else if (!space.makeHeadroom(call, skb, room)) result = -Errno.ENOMEM;
    else {
      space.push(call, skb, room);
      const data = skbs.start(call, skb);
      call.memory.bytes().fill(0, data, data + room);
      space.setHeader(call, skb, skbs.macHeader, space.headroom(call, skb));
      space.resetMacLength(call, skb);
    }
    space.computePointers(call, skb);
    return result;
  };

  /** `__bpf_skb_min_len`: the headers that are known must stay. */
  const shortest = (call: HelperCall, skb: number): number => {
    let length = Math.max(space.networkOffset(call, skb), 0);
    if (space.isSet(call, skb, space.transportHeader)) {
      const offset = space.header(call, skb, space.transportHeader) - space.headroom(call, skb);
      if (offset > 0) length = offset;
    }
    if (skbs.ipSummed(call, skb) === CHECKSUM_PARTIAL) {
      const end = space.sumStart(call, skb) + space.sumOffset(call, skb) + 2;
      if (end > 0) length = end;
    }
    return length;
  };

  /** `bpf_skb_change_tail` */
  const changeTail = (call: HelperCall, ...args: number[]): number => {
    const [pointer, wanted, flags, flagsHigh] = args as [number, number, number, number];
    const skb = pointer >>> 0;
    const result = resize(call, skb, wanted >>> 0, flags !== 0 || flagsHigh !== 0);
    space.computePointers(call, skb);
    return result;
  };

  const resize = (call: HelperCall, skb: number, wanted: number, flags: boolean): number => {
    if (flags || wanted > maximum || wanted < shortest(call, skb)) return -Errno.EINVAL;
    const view = call.memory.view();
    if ((view.getUint8(skb + encapsulation.offset) & encapsulation.mask) !== 0) return -ENOTSUPP;
    const before = space.length(call, skb);
    if (wanted !== before) {
      // __skb_grow_rcsum, __skb_trim_rcsum: nobody counts the difference.
      if (skbs.ipSummed(call, skb) === CHECKSUM_COMPLETE) skbs.setIpSummed(call, skb, CHECKSUM_NONE);
      if (!space.setLength(call, skb, wanted)) return -Errno.ENOMEM;
      const data = skbs.start(call, skb);
      if (wanted > before) call.memory.bytes().fill(0, data + before, data + wanted);
    }
    if (segments.any(call, skb)) segments.reset(call, skb);
    return 0;
  };

  /** `bpf_skb_change_type` */
  const changeType = (call: HelperCall, pointer: number, type: number): number => {
    const at = (pointer >>> 0) + packetType.offset;
    const view = call.memory.view();
    const byte = view.getUint8(at);
    const now = (byte & packetType.mask) >> packetType.shift;
    if (now > PACKET_OTHERHOST || type >>> 0 > PACKET_OTHERHOST) return -Errno.EINVAL;
    view.setUint8(at, (byte & ~packetType.mask) | (type << packetType.shift));
    return 0;
  };

  const passing = { args: ["ptr", "i32", "i64"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.skb_change_head, passing, changeHead),
    hostHelper(BpfFuncId.skb_change_tail, passing, changeTail),
    hostHelper(BpfFuncId.skb_change_type, { args: ["ptr", "i32"], result: "i32" }, changeType),
  ];
}
