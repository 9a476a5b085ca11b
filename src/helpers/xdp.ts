import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { wide } from "./wide.ts";
import { XdpBuffAccess } from "./xdp-buff.ts";

const ETH_HLEN = 14;

/** The most metadata that fits `skb_shared_info.meta_len`. */
const META_MAX = 255;

/** Helpers that move the ends of a packet inside its frame. */
export function xdpHelpers(layout: KernelLayout): readonly Helper[] {
  const buffs = new XdpBuffAccess(layout);
  const frameHeader = layout.sizeOf("xdp_frame");

  /** Moves a pointer member; its high half stays. */
  const set = (view: DataView, at: number, value: number): void => view.setUint32(at, value, true);

  /** `bpf_xdp_adjust_head` */
  const adjustHead = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    const [start, end, meta] = buffs.pointers(view, xdp);
    const metaLength = meta > start ? 0 : start - meta;
    const lowest = view.getUint32(xdp + buffs.hardStart, true) + frameHeader + metaLength;
    const moved = start + offset;
    if (moved < lowest || moved > end - ETH_HLEN) return -Errno.EINVAL;
    if (metaLength > 0) call.memory.bytes().copyWithin(meta + offset, meta, meta + metaLength);
    set(view, xdp + buffs.dataMeta, meta + offset);
    set(view, xdp + buffs.data, moved);
    return 0;
  };

  /** `bpf_xdp_adjust_meta` */
  const adjustMeta = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    const [start, , meta] = buffs.pointers(view, xdp);
    if (meta > start) return -Errno.ENOTSUPP;
    const moved = meta + offset;
    if (moved < view.getUint32(xdp + buffs.hardStart, true) + frameHeader || moved > start)
      return -Errno.EINVAL;
    const length = start - moved;
    if ((length & 3) !== 0 || length > META_MAX) return -Errno.EACCES;
    set(view, xdp + buffs.dataMeta, moved);
    return 0;
  };

  /** `bpf_xdp_frags_shrink_tail`: what is in fragments goes first. */
  const shrinkFragments = (call: HelperCall, xdp: number, by: number): number => {
    if (by > buffs.length(call, xdp) - ETH_HLEN) return -Errno.EINVAL;
    const view = call.memory.view();
    const size = buffs.fragmented(view, xdp);
    buffs.setFragmented(view, xdp, Math.max(size - by, 0));
    const [, end] = buffs.pointers(view, xdp);
    if (by >= size) set(view, xdp + buffs.dataEnd, end - (by - size));
    return 0;
  };

  /** `bpf_xdp_adjust_tail` */
  const adjustTail = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    if (buffs.hasFragments(view, xdp))
      return offset < 0 ? shrinkFragments(call, xdp, -offset) : buffs.growFragments(call, xdp, offset);
    const [start, end] = buffs.pointers(view, xdp);
    const hardEnd =
      view.getUint32(xdp + buffs.hardStart, true) +
      view.getUint32(xdp + buffs.frameSize, true) -
      buffs.tailroom;
    const moved = end + offset;
    if (moved > hardEnd || moved < start + ETH_HLEN) return -Errno.EINVAL;
    if (offset > 0) call.memory.bytes().fill(0, end, moved);
    set(view, xdp + buffs.dataEnd, moved);
    return 0;
  };

  const passing = { args: ["ptr", "i32"], result: "i32" } as const;
  const ofBytes = { args: ["ptr", "i32", "ptr", "i32"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.xdp_get_buff_len, { args: ["ptr"], result: "i64" }, (call, xdp) =>
      wide(call, buffs.length(call, xdp! >>> 0)),
    ),
    hostHelper(BpfFuncId.xdp_load_bytes, ofBytes, (call, xdp, offset, to, length) =>
      buffs.copy(call, xdp! >>> 0, { offset: offset! >>> 0, length: length! >>> 0 }, to! >>> 0, "load"),
    ),
    hostHelper(BpfFuncId.xdp_store_bytes, ofBytes, (call, xdp, offset, from, length) =>
      buffs.copy(call, xdp! >>> 0, { offset: offset! >>> 0, length: length! >>> 0 }, from! >>> 0, "store"),
    ),
    hostHelper(BpfFuncId.xdp_adjust_head, passing, adjustHead),
    hostHelper(BpfFuncId.xdp_adjust_meta, passing, adjustMeta),
    hostHelper(BpfFuncId.xdp_adjust_tail, passing, adjustTail),
  ];
}
