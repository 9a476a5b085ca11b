import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";
import { XdpBuffAccess } from "./xdp-buff.ts";

/** Brings bytes of fragments to where programs reach them through data and data_end. */
export function xdpPullKfuncs(layout: KernelLayout): readonly Kfunc[] {
  const buffs = new XdpBuffAccess(layout);
  const frameHeader = layout.sizeOf("xdp_frame");

  return [
    hostKfunc(
      "bpf_xdp_pull_data",
      { args: ["ptr", "i32"], result: "u32", checks: [{ kind: "context" }] },
      (call, context, length) => {
        const xdp = context! >>> 0;
        const wanted = length! >>> 0;
        const view = call.memory.view();
        const [start, end, meta] = buffs.pointers(view, xdp);
        if (wanted <= end - start) return 0;
        if (wanted > buffs.length(call, xdp)) return -Errno.EINVAL;
        const hardStart = view.getUint32(xdp + buffs.hardStart, true);
        const hardEnd = hardStart + view.getUint32(xdp + buffs.frameSize, true) - buffs.tailroom;
        // Metadata moves along, where there is any.
        const first = Math.min(meta, start);
        const [headroom, tailroom] = [first - hardStart - frameHeader, hardEnd - end];
        const more = wanted - (end - start);
        if (more > headroom + tailroom) return -Errno.EINVAL;
        const shift = more - tailroom;
        if (shift > 0) {
          call.memory.bytes().copyWithin(first - shift, first, end);
          view.setUint32(xdp + buffs.dataMeta, meta - shift, true);
          view.setUint32(xdp + buffs.data, start - shift, true);
          view.setUint32(xdp + buffs.dataEnd, end - shift, true);
        }
        buffs.pull(call, xdp, more);
        return 0;
      },
    ),
  ];
}
