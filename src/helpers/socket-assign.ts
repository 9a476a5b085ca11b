import { offsetOf } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { setPointer } from "./objects/pointer-word.ts";
import { hasFullState, RCU_FREE, SocketState } from "./socket-state.ts";

const AF_INET = 2;

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
  const FAMILY = layout.offset("sock_common.skc_family");
  const LOOKUP_FAMILY = layout.offset("bpf_sk_lookup_kern.family");
  const STATE = layout.offset("sock_common.skc_state");
  const FLAGS = layout.offset("sock_common.skc_flags");
  const HASHED = layout.offset("sock_common.skc_node.pprev");
  const onlyIpv6 = layout.field("sock_common.skc_ipv6only");
  const pointer = (view: DataView, at: number) => offsetOf(view.getBigUint64(at, true));

  /** `sk_is_refcounted` */
  const isCounted = (view: DataView, socket: number) =>
    !hasFullState(view.getUint8(socket + STATE)) || (view.getUint32(socket + FLAGS, true) & RCU_FREE) === 0;

  /** `refcount_inc_not_zero`. @returns whether the socket still has any reference. */
  const hold = (call: HelperCall, socket: number): boolean => {
    const words = call.memory.words();
    const at = (socket + REFERENCES) >>> 2;
    for (;;) {
      const count = Atomics.load(words, at);
      if (count === 0) return false;
      if (Atomics.compareExchange(words, at, count, count + 1) === count) return true;
    }
  };

  /** `bpf_sk_assign` */
  const assign = (call: HelperCall, ...args: number[]): number => {
    const [skb, socket, flags, high] = args.map((each) => each >>> 0) as [number, number, number, number];
    if (socket === 0 || flags !== 0 || high !== 0) return -Errno.EINVAL;
    const view = call.memory.view();
    const arrives = ingress !== null && (view.getUint8(skb + ingress.offset) & ingress.mask) !== 0;
    if (!arrives) return -Errno.EOPNOTSUPP;
    if (pointer(view, pointer(view, skb + DEVICE) + DEVICE_NET) !== pointer(view, socket + SOCKET_NET))
      return -Errno.ENETUNREACH;
    // Nobody finds such a socket: it is not bound, or closed (`sk_unhashed`).
    if (view.getBigUint64(socket + HASHED, true) === 0n) return -Errno.EOPNOTSUPP;
    if (isCounted(view, socket) && !hold(call, socket)) return -Errno.ENOENT;
    setPointer(view, skb + SK, socket);
    return 0;
  };

  /** Why a socket cannot be what a lookup finds: connected, of another protocol or family; 0 where it can. */
  const unfitFor = (view: DataView, context: number, socket: number): number => {
    if (isCounted(view, socket) || view.getUint8(socket + STATE) === SocketState.ESTABLISHED)
      return -Errno.ESOCKTNOSUPPORT;
    if (view.getUint16(socket + PROTOCOL, true) !== view.getUint16(context + LOOKUP_PROTOCOL, true))
      return -Errno.EPROTOTYPE;
    const family = view.getUint16(socket + FAMILY, true);
    if (family === view.getUint16(context + LOOKUP_FAMILY, true)) return 0;
    const isOnlyIpv6 = (view.getUint8(socket + onlyIpv6.offset) & onlyIpv6.mask) !== 0;
    return family === AF_INET || isOnlyIpv6 ? -Errno.EAFNOSUPPORT : 0;
  };

  /** `bpf_sk_lookup_assign`; NULL takes a choice back. */
  const choose = (call: HelperCall, ...args: number[]): number => {
    const [context, socket, flags, high] = args.map((each) => each >>> 0) as [number, number, number, number];
    if ((flags & ~(REPLACE | NO_REUSEPORT)) !== 0 || high !== 0) return -Errno.EINVAL;
    const view = call.memory.view();
    const unfit = socket === 0 ? 0 : unfitFor(view, context, socket);
    if (unfit !== 0) return unfit;
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
