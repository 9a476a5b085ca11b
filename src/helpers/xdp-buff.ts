import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import type { HelperCall } from "./helper.ts";

/** The most that an offset or a length may be (`bpf_xdp_pointer`). */
const MOST = 0xffff;

/** Members of `struct xdp_buff`, and the bytes of its packet: one piece, as packets have no fragments here. */
export class XdpBuffAccess {
  readonly data: number;
  readonly dataEnd: number;
  readonly dataMeta: number;
  readonly hardStart: number;
  readonly frameSize: number;

  constructor(layout: KernelLayout) {
    this.data = layout.offset("xdp_buff.data");
    this.dataEnd = layout.offset("xdp_buff.data_end");
    this.dataMeta = layout.offset("xdp_buff.data_meta");
    this.hardStart = layout.offset("xdp_buff.data_hard_start");
    this.frameSize = layout.offset("xdp_buff.frame_sz");
  }

  /** Offsets of the packet's first byte, of what is behind its last one, and of its metadata. */
  pointers(view: DataView, xdp: number): [start: number, end: number, meta: number] {
    return [
      view.getUint32(xdp + this.data, true),
      view.getUint32(xdp + this.dataEnd, true),
      view.getUint32(xdp + this.dataMeta, true),
    ];
  }

  /** `xdp_get_buff_len` */
  length(call: HelperCall, xdp: number): number {
    const [start, end] = this.pointers(call.memory.view(), xdp);
    return end - start;
  }

  /** `bpf_xdp_pointer`: the offset of `length` bytes of the packet, or EFAULT, EINVAL. */
  at(call: HelperCall, xdp: number, offset: number, length: number): number {
    if (offset > MOST || length > MOST) return -Errno.EFAULT;
    const [start, end] = this.pointers(call.memory.view(), xdp);
    return offset + length > end - start ? -Errno.EINVAL : start + offset;
  }
}
