import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

const ETH_HLEN = 14;

/** `ENOTSUPP`, which no header of user space names. */
const ENOTSUPP = 524;

/** The most metadata that fits `skb_shared_info.meta_len`. */
const META_MAX = 255;

const CACHE_LINE = 64;

/** Helpers that move the ends of a packet inside its frame. */
export function xdpHelpers(layout: KernelLayout): readonly Helper[] {
  const DATA = layout.offset("xdp_buff.data");
  const DATA_END = layout.offset("xdp_buff.data_end");
  const DATA_META = layout.offset("xdp_buff.data_meta");
  const HARD_START = layout.offset("xdp_buff.data_hard_start");
  const FRAME_SIZE = layout.offset("xdp_buff.frame_sz");
  const frameHeader = layout.sizeOf("xdp_frame");
  const tailroom = (layout.sizeOf("skb_shared_info") + CACHE_LINE - 1) & -CACHE_LINE;

  /** Moves a pointer member; its high half stays. */
  const set = (view: DataView, at: number, value: number): void => view.setUint32(at, value, true);

  /** `bpf_xdp_adjust_head` */
  const adjustHead = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    const [start, end, meta] = pointers(view, xdp);
    const metaLength = meta > start ? 0 : start - meta;
    const lowest = view.getUint32(xdp + HARD_START, true) + frameHeader + metaLength;
    const moved = start + offset;
    if (moved < lowest || moved > end - ETH_HLEN) return -Errno.EINVAL;
    if (metaLength > 0) call.memory.bytes().copyWithin(meta + offset, meta, meta + metaLength);
    set(view, xdp + DATA_META, meta + offset);
    set(view, xdp + DATA, moved);
    return 0;
  };

  /** `bpf_xdp_adjust_meta` */
  const adjustMeta = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    const [start, , meta] = pointers(view, xdp);
    if (meta > start) return -ENOTSUPP;
    const moved = meta + offset;
    if (moved < view.getUint32(xdp + HARD_START, true) + frameHeader || moved > start) return -Errno.EINVAL;
    const length = start - moved;
    if ((length & 3) !== 0 || length > META_MAX) return -Errno.EACCES;
    set(view, xdp + DATA_META, moved);
    return 0;
  };

  /** `bpf_xdp_adjust_tail`; packets have no fragments here. */
  const adjustTail = (call: HelperCall, xdp: number, offset: number): number => {
    xdp >>>= 0;
    const view = call.memory.view();
    const [start, end] = pointers(view, xdp);
    const hardEnd =
      view.getUint32(xdp + HARD_START, true) + view.getUint32(xdp + FRAME_SIZE, true) - tailroom;
    const moved = end + offset;
    if (moved > hardEnd || moved < start + ETH_HLEN) return -Errno.EINVAL;
    if (offset > 0) call.memory.bytes().fill(0, end, moved);
    set(view, xdp + DATA_END, moved);
    return 0;
  };

  const pointers = (view: DataView, xdp: number): [start: number, end: number, meta: number] => [
    view.getUint32(xdp + DATA, true),
    view.getUint32(xdp + DATA_END, true),
    view.getUint32(xdp + DATA_META, true),
  ];

  const passing = { args: ["ptr", "i32"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.xdp_adjust_head, passing, adjustHead),
    hostHelper(BpfFuncId.xdp_adjust_meta, passing, adjustMeta),
    hostHelper(BpfFuncId.xdp_adjust_tail, passing, adjustTail),
  ];
}
