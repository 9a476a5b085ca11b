import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import type { SocketQuery } from "./object-services.ts";
import { pointerAt } from "./objects/pointer-word.ts";
import { hasFullState } from "./socket-state.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** Bytes of `struct bpf_sock_tuple` with addresses of IPv4 and of IPv6. */
const Tuple = { INET: 12, INET6: 36 } as const;

/** Where a lookup is made. */
interface Place {
  readonly namespace: number;
  readonly device: number;
}

/** Sockets that packets between two ends would reach. */
export function socketLookupHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const STATE = layout.offset("sock_common.skc_state");
  const REFERENCES = layout.offset("sock_common.skc_refcnt");
  const SOCKET_NET = layout.offset("sock_common.skc_net");
  const DEVICE_NET = layout.offset("net_device.nd_net");
  const DEVICE_INDEX = layout.offset("net_device.ifindex");
  const SKB_DEVICE = layout.offset("sk_buff.dev");
  const SKB_SOCKET = layout.offset("sk_buff.sk");
  const XDP_QUEUE = layout.offset("xdp_buff.rxq");
  const QUEUE_DEVICE = layout.offset("xdp_rxq_info.dev");
  const ADDRESS_SOCKET = layout.offset("bpf_sock_addr_kern.sk");

  /** The namespace and device of a context; of a socket's, no device. */
  const placeOf = (view: DataView, context: number): Place => {
    let device = 0;
    if (kind === "skb") device = pointerAt(view, context + SKB_DEVICE);
    if (kind === "xdp") device = pointerAt(view, pointerAt(view, context + XDP_QUEUE) + QUEUE_DEVICE);
    if (device !== 0)
      return {
        namespace: pointerAt(view, device + DEVICE_NET),
        device: view.getUint32(device + DEVICE_INDEX, true),
      };
    const socket = pointerAt(view, context + (kind === "sockAddr" ? ADDRESS_SOCKET : SKB_SOCKET));
    return { namespace: pointerAt(view, socket + SOCKET_NET), device: 0 };
  };

  /** `__bpf_skc_lookup`: 0 for tuples of another size, for flags, and for namespaces that are named by a number. */
  const find = (call: HelperCall, protocol: number, ...args: number[]): number => {
    const [, tuple = 0, length, low = 0, , flags, flagsHigh] = args;
    const isV4 = length === Tuple.INET;
    if (!isV4 && length !== Tuple.INET6) return 0;
    // A number that is negative as an `int` is that of the context; no namespace has any other.
    if (flags !== 0 || flagsHigh !== 0 || low >= 0) return 0;
    const view = call.memory.view();
    const bytes = call.memory.bytes();
    const size = isV4 ? 4 : 16;
    const [source, destination] = [tuple >>> 0, (tuple >>> 0) + size];
    const query: SocketQuery = {
      ...placeOf(view, call.context),
      family: isV4 ? AF_INET : AF_INET6,
      protocol,
      source: bytes.slice(source, source + size),
      destination: bytes.slice(destination, destination + size),
      sourcePort: view.getUint16(destination + size),
      destinationPort: view.getUint16(destination + size + 2),
      cpu: call.cpu,
    };
    return call.services.sockets?.find(query) ?? 0;
  };

  /** `sk_to_full_sk`: of a connection that only waits to end, nothing. */
  const fullOnly = (call: HelperCall, socket: number): number => {
    if (socket === 0) return 0;
    if (hasFullState(call.memory.view().getUint8(socket + STATE))) return socket;
    Atomics.sub(call.memory.words(), (socket + REFERENCES) >>> 2, 1);
    return 0;
  };

  const passing = { args: ["ptr", "ptr", "i32", "i64", "i64"], result: "ptr" } as const;
  return [
    hostHelper(BpfFuncId.sk_lookup_tcp, passing, (call, ...args) =>
      fullOnly(call, find(call, IPPROTO_TCP, ...args)),
    ),
    hostHelper(BpfFuncId.sk_lookup_udp, passing, (call, ...args) =>
      fullOnly(call, find(call, IPPROTO_UDP, ...args)),
    ),
    hostHelper(BpfFuncId.skc_lookup_tcp, passing, (call, ...args) => find(call, IPPROTO_TCP, ...args)),
  ];
}
