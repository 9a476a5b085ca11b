import { MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** `BPF_F_CURRENT_CPU` */
const CURRENT_CPU = 0xffff_ffff;

/** `BPF_F_CTXLEN_MASK`, in the high half of the flags. */
const CONTEXT_LENGTH = 0xf_ffff;

/** `bpf_perf_event_output`, `bpf_skb_event_output` and `bpf_xdp_event_output`. */
export function perfEventHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const isPacket = kind === "skb" || kind === "xdp";
  const LENGTH = layout.offset("sk_buff.len");
  const DATA = layout.offset("xdp_buff.data");
  const DATA_END = layout.offset("xdp_buff.data_end");

  /** Bytes of the packet that may be asked for beside the program's own. */
  const packetLength = (call: HelperCall, context: number): number => {
    const view = call.memory.view();
    if (kind === "skb") return view.getUint32(context + LENGTH, true);
    return view.getUint32(context + DATA_END, true) - view.getUint32(context + DATA, true);
  };

  const output = (call: HelperCall, context: number, map: number, index: number, high: number): number => {
    const known = isPacket ? CONTEXT_LENGTH : 0;
    if ((high & ~known) !== 0) return -Errno.EINVAL;
    if (isPacket && high > packetLength(call, context >>> 0)) return -Errno.EFAULT;
    const view = call.memory.view();
    const header = (map >>> 0) - MAP_HEADER_SIZE;
    if (view.getUint32(header + MapField.TYPE, true) !== BpfMapType.PERF_EVENT_ARRAY) return -Errno.EINVAL;
    const place = index >>> 0 === CURRENT_CPU ? call.cpu : index >>> 0;
    // No descriptor of this kernel is that of an event: every place is empty.
    return place >= view.getUint32(header + MapField.MAX_ENTRIES, true) ? -Errno.E2BIG : -Errno.ENOENT;
  };

  return [
    hostHelper(
      BpfFuncId.perf_event_output,
      { args: ["ptr", "ptr", "i64", "ptr", "i64"], result: "i32" },
      output,
    ),
  ];
}
