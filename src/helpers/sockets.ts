import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import { constantHelper, emittedHelper, hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { hasFullState, RCU_FREE, SocketState } from "./socket-state.ts";

const SOCK_DGRAM = 2;
const AF_UNIX = 1;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** `overflowuid` */
const NOBODY = 65_534;

/** The cookie of the first network namespace, `init_net`: the only one that there is. */
const NETNS_COOKIE = 1;

/** Helpers that look at a socket: a packet's, or one that they find. */
export function socketHelpers(layout: KernelLayout): readonly Helper[] {
  const SK = layout.offset("sk_buff.sk");
  const STATE = layout.offset("sock_common.skc_state");
  const FAMILY = layout.offset("sock_common.skc_family");
  const REFERENCES = layout.offset("sock_common.skc_refcnt");
  const FLAGS = layout.offset("sock_common.skc_flags");
  const PROTOCOL = layout.offset("sock.sk_protocol");
  const TYPE = layout.offset("sock.sk_type");
  const UID = layout.offset("sock.sk_uid");
  const size = layout.sizeOf("sock");

  /** A socket at an offset; null where none is. */
  const socketAt = (call: HelperCall, at: number): Socket | null => {
    if (at === 0 || !call.memory.regions.allows(at, size, RegionAccess.READ)) return null;
    const view = call.memory.view();
    return {
      state: view.getUint8(at + STATE),
      family: view.getUint16(at + FAMILY, true),
      protocol: view.getUint16(at + PROTOCOL, true),
      type: view.getUint16(at + TYPE, true),
      rcuFree: (view.getUint32(at + FLAGS, true) & RCU_FREE) !== 0,
    };
  };

  /** A helper that gives the socket back where it is of a kind, and else NULL. */
  const castTo = (id: number, is: (socket: Socket) => boolean): Helper =>
    hostHelper(id, { args: ["ptr"], result: "ptr" }, (call, at) => {
      const socket = socketAt(call, at >>> 0);
      return socket !== null && is(socket) ? at : 0;
    });

  /** `bpf_sk_release` */
  const release = (call: HelperCall, at: number): number => {
    const socket = socketAt(call, at >>> 0);
    if (socket !== null && !(isFull(socket) && socket.rcuFree)) {
      Atomics.sub(call.memory.words(), ((at >>> 0) + REFERENCES) >>> 2, 1);
    }
    return 0;
  };

  /** `bpf_get_socket_uid` */
  const owner = (call: HelperCall, skb: number): number => {
    const view = call.memory.view();
    const at = view.getUint32((skb >>> 0) + SK, true);
    const socket = socketAt(call, at);
    return socket !== null && isFull(socket) ? view.getInt32(at + UID, true) : NOBODY;
  };

  const isTcp = (socket: Socket) => isFull(socket) && socket.protocol === IPPROTO_TCP;
  return [
    castTo(BpfFuncId.sk_fullsock, isFull),
    castTo(BpfFuncId.tcp_sock, isTcp),
    castTo(BpfFuncId.get_listener_sock, ({ state, rcuFree }) => state === SocketState.LISTEN && rcuFree),
    castTo(BpfFuncId.skc_to_tcp_sock, isTcp),
    castTo(BpfFuncId.skc_to_tcp6_sock, (socket) => isTcp(socket) && socket.family === AF_INET6),
    castTo(
      BpfFuncId.skc_to_udp6_sock,
      (socket) =>
        isFull(socket) &&
        socket.protocol === IPPROTO_UDP &&
        socket.type === SOCK_DGRAM &&
        socket.family === AF_INET6,
    ),
    castTo(BpfFuncId.skc_to_unix_sock, (socket) => isFull(socket) && socket.family === AF_UNIX),
    castTo(
      BpfFuncId.skc_to_tcp_timewait_sock,
      ({ state, protocol }) => protocol === IPPROTO_TCP && state === SocketState.TIME_WAIT,
    ),
    castTo(
      BpfFuncId.skc_to_tcp_request_sock,
      ({ state, protocol }) => protocol === IPPROTO_TCP && state === SocketState.NEW_SYN_RECV,
    ),
    constantHelper(BpfFuncId.skc_to_mptcp_sock, {
      args: ["ptr"],
      result: "ptr",
      always: 0,
      here: "There is no multipath TCP.",
    }),
    constantHelper(BpfFuncId.sock_from_file, {
      args: ["ptr"],
      result: "ptr",
      always: 0,
      here: "No file of the kernel is a socket.",
    }),
    hostHelper(BpfFuncId.sk_release, { args: ["ptr"], result: "i32" }, release),
    hostHelper(BpfFuncId.get_socket_uid, { args: ["ptr"], result: "u32" }, owner),
    emittedHelper(BpfFuncId.get_netns_cookie, { args: ["ptr"], result: "i64" }, (f) =>
      f.i64.const(NETNS_COOKIE),
    ),
    // Every task is in the root of the hierarchy net_cls, whose class is 0.
    emittedHelper(BpfFuncId.get_cgroup_classid, { args: ["ptr"], result: "u32" }, (f) => f.i32.const(0)),
  ];
}

interface Socket {
  readonly state: number;
  readonly family: number;
  readonly protocol: number;
  readonly type: number;
  readonly rcuFree: boolean;
}

function isFull({ state }: Socket): boolean {
  return hasFullState(state);
}
