import { offsetOf } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { setPointer } from "./objects/pointer-word.ts";

/** `BPF_SK_LOOKUP_F_REPLACE`, `BPF_SK_LOOKUP_F_NO_REUSEPORT` */
const REPLACE = 1;
const NO_REUSEPORT = 2;

/** Who gets a packet, or a connection that is looked up. */
export function socketAssignHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const SK = layout.offset("sk_buff.sk");
  const DEVICE = layout.offset("sk_buff.dev");
  const DEVICE_NET = layout.offset("net_device.nd_net");
  const SOCKET_NET = layout.offset("sock_common.skc_net");
  const ingress = layout.find("sk_buff.tc_at_ingress") ?? null;
  const REFERENCES = layout.offset("sock_common.skc_refcnt");
  const CHOSEN = layout.offset("bpf_sk_lookup_kern.selected_sk");
  const ALONE = layout.field("bpf_sk_lookup_kern.no_reuseport");
  const PROTOCOL = layout.offset("sock.sk_protocol");
  const LOOKUP_PROTOCOL = layout.offset("bpf_sk_lookup_kern.protocol");
  const pointer = (view: DataView, at: number) => offsetOf(view.getBigUint64(at, true));

  /** `bpf_sk_assign` */
  const assign = (call: HelperCall, ...args: number[]): number => {
    const [skb, socket, flags, high] = args.map((each) => each >>> 0) as [number, number, number, number];
    if (socket === 0 || flags !== 0 || high !== 0) return -Errno.EINVAL;
    const view = call.memory.view();
    const arrives = ingress !== null && (view.getUint8(skb + ingress.offset) & ingress.mask) !== 0;
    if (!arrives) return -Errno.EOPNOTSUPP;
    if (pointer(view, pointer(view, skb + DEVICE) + DEVICE_NET) !== pointer(view, socket + SOCKET_NET))
      return -Errno.ENETUNREACH;
    Atomics.add(call.memory.words(), (socket + REFERENCES) >>> 2, 1);
    setPointer(view, skb + SK, socket);
    return 0;
  };

  /** `bpf_sk_lookup_assign`; NULL takes a choice back. */
  const choose = (call: HelperCall, ...args: number[]): number => {
    const [context, socket, flags, high] = args.map((each) => each >>> 0) as [number, number, number, number];
    if ((flags & ~(REPLACE | NO_REUSEPORT)) !== 0 || high !== 0) return -Errno.EINVAL;
    const view = call.memory.view();
    if (
      socket !== 0 &&
      view.getUint16(socket + PROTOCOL, true) !== view.getUint16(context + LOOKUP_PROTOCOL, true)
    )
      return -Errno.EPROTOTYPE;
    if (pointer(view, context + CHOSEN) !== 0 && (flags & REPLACE) === 0) return -Errno.EEXIST;
    setPointer(view, context + CHOSEN, socket);
    view.setUint8(context + ALONE.offset, (flags & NO_REUSEPORT) === 0 ? 0 : 1);
    return 0;
  };

  return [
    hostHelper(
      BpfFuncId.sk_assign,
      { args: ["ptr", "ptr", "i64"], result: "i32" },
      kind === "skb" ? assign : choose,
    ),
  ];
}
