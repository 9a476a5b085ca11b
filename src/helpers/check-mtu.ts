import { offsetOf } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** `BPF_MTU_CHK_SEGS` */
const SEGMENTS = 1;

/** `BPF_MTU_CHK_RET_FRAG_NEEDED`; 0 is success. */
const TOO_LONG = 1;

const UNSET = 0xffff;

/** Whether a packet fits a device, for programs of packets in either form. */
export function checkMtuHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const MTU = layout.offset("net_device.mtu");
  const HEADER = layout.offset("net_device.hard_header_len");
  const SKB_DEVICE = layout.offset("sk_buff.dev");
  const LENGTH = layout.offset("sk_buff.len");
  const TRANSPORT = layout.offset("sk_buff.transport_header");
  const SHARED = [layout.offset("sk_buff.head"), layout.offset("sk_buff.end")] as const;
  const SEGMENT_SIZE = layout.offset("skb_shared_info.gso_size");
  const QUEUE = layout.offset("xdp_buff.rxq");
  const QUEUE_DEVICE = layout.offset("xdp_rxq_info.dev");
  const [DATA, DATA_END] = [layout.offset("xdp_buff.data"), layout.offset("xdp_buff.data_end")];
  const pointer = (view: DataView, at: number) => offsetOf(view.getBigUint64(at, true));
  const isXdp = kind === "xdp";

  const deviceOf = (call: HelperCall, context: number, index: number): number => {
    if (index !== 0) return call.services.device?.(index) ?? 0;
    const view = call.memory.view();
    return isXdp
      ? pointer(view, pointer(view, context + QUEUE) + QUEUE_DEVICE)
      : pointer(view, context + SKB_DEVICE);
  };

  const lengthOf = (view: DataView, context: number): number =>
    isXdp
      ? view.getUint32(context + DATA_END, true) - view.getUint32(context + DATA, true)
      : view.getUint32(context + LENGTH, true);

  /** A large packet is cut later: its length says nothing. */
  const isSegmented = (view: DataView, skb: number): boolean =>
    view.getUint16(
      view.getUint32(skb + SHARED[0], true) + view.getUint32(skb + SHARED[1], true) + SEGMENT_SIZE,
      true,
    ) !== 0;

  /** `bpf_skb_check_mtu`, `bpf_xdp_check_mtu` */
  const check = (call: HelperCall, ...args: number[]): number => {
    const [at, index, lengthAt, difference, flags, flagsHigh] = args.map((each, i) =>
      i === 3 ? each : each >>> 0,
    ) as [number, number, number, number, number, number];
    const view = call.memory.view();
    const given = view.getUint32(lengthAt, true);
    if ((flags & ~(isXdp ? 0 : SEGMENTS)) !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    if (flags !== 0 && (difference !== 0 || given !== 0)) return -Errno.EINVAL;
    const device = deviceOf(call, at, index >>> 0);
    if (device === 0) return -Errno.ENODEV;
    const mtu = view.getUint32(device + MTU, true);
    const header = view.getUint16(device + HEADER, true);
    const length = ((given === 0 ? lengthOf(view, at) : given + header) + difference) | 0;
    let result = length > mtu + header ? TOO_LONG : 0;
    if (result !== 0 && !isXdp && isSegmented(view, at)) {
      if (flags !== 0 && view.getUint16(at + TRANSPORT, true) === UNSET) return -Errno.EINVAL;
      result = 0;
    }
    view.setUint32(lengthAt, mtu, true);
    return result;
  };

  const passing = { args: ["ptr", "i32", "ptr", "i32", "i64"], result: "i32" } as const;
  return [
    hostHelper(
      BpfFuncId.check_mtu,
      { ...passing, here: "The segments of a large packet are not looked at (BPF_MTU_CHK_SEGS): they fit." },
      check,
    ),
  ];
}
