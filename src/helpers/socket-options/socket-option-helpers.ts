import { RegionAccess } from "../../mem/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import type { ContextKind } from "../context-kind.ts";
import { hostHelper } from "../define.ts";
import type { Helper, HelperCall } from "../helper.ts";
import { pointerAt } from "../objects/pointer-word.ts";
import { hasFullState } from "../socket-state.ts";
import { getCongestion, setCongestion } from "./congestion.ts";
import { BINDTODEVICE, bindToDevice, SOCKET_OPTIONS } from "./generic.ts";
import { IP_OPTIONS, IPV6_OPTIONS } from "./ip.ts";
import { AF_INET6, INVALID, type IntegerOption, Level, OptionSocket } from "./option.ts";
import { CONGESTION, SAVED_SYN, TCP_OPTIONS } from "./tcp.ts";

/** `sizeof(int)` */
const INT_SIZE = 4;

/** Which option, and where its value lies. */
interface Request {
  readonly level: number;
  readonly name: number;
  readonly at: number;
  readonly length: number;
}

/**
 * `bpf_setsockopt` and `bpf_getsockopt`. The socket is the argument, or what the context of a `cgroup_sock_addr` program
 * has. Programs of connections (`sock_ops`) have none: nothing runs them.
 */
export function socketOptionHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  if (kind === "sockOps") return [];
  const size = layout.sizeOf("sock");
  const STATE = layout.offset("sock_common.skc_state");
  const OF_ADDRESS = layout.offset("bpf_sock_addr_kern.sk");

  const socketOf = (call: HelperCall, argument: number, isRead: boolean): OptionSocket | null => {
    const view = call.memory.view();
    const at = kind === "sockAddr" ? pointerAt(view, call.context + OF_ADDRESS) : argument >>> 0;
    if (at === 0 || !call.memory.regions.allows(at, size, RegionAccess.READ)) return null;
    return hasFullState(view.getUint8(at + STATE)) ? new OptionSocket(call, layout, at, isRead) : null;
  };

  const passing = { args: ["ptr", "i32", "i32", "ptr", "i32"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.setsockopt, passing, (call, first, level, name, at, length) => {
      const socket = socketOf(call, first!, false);
      return socket === null
        ? INVALID
        : set(socket, { level: level!, name: name!, at: at! >>> 0, length: length! });
    }),
    hostHelper(BpfFuncId.getsockopt, passing, (call, first, level, name, at, length) => {
      const request = { level: level!, name: name!, at: at! >>> 0, length: length! };
      const socket = socketOf(call, first!, true);
      const result = socket === null ? INVALID : get(socket, request);
      // What is not filled is zeroed: all of it where there is an error.
      const filled = Math.max(result, 0);
      call.memory.bytes().fill(0, request.at + filled, request.at + request.length);
      return Math.min(result, 0);
    }),
  ];
}

/** `__bpf_setsockopt` */
function set(socket: OptionSocket, request: Request): number {
  const { level, name, at, length } = request;
  const value = () => socket.call.memory.bytes().slice(at, at + length);
  if (level === Level.SOCKET && name === BINDTODEVICE) return bindToDevice(socket, value());
  if (level === Level.TCP && socket.hasTcp) {
    if (name === CONGESTION) return setCongestion(socket, value());
    // It can only be read, and where it is shorter than an integer it is not even that.
    if (name === SAVED_SYN) return length < INT_SIZE ? INVALID : -Errno.ENOPROTOOPT;
  }
  const option = integerOption(socket, request);
  if (typeof option === "number") return option;
  return option.set(socket, socket.fields.view.getInt32(at, true));
}

/** `__bpf_getsockopt`. @returns how many bytes are filled, or a negative errno. */
function get(socket: OptionSocket, request: Request): number {
  const { level, name, at, length } = request;
  if (level === Level.TCP && name === CONGESTION && socket.hasTcp) return getCongestion(socket, at, length);
  const option = integerOption(socket, request);
  if (typeof option === "number") return option;
  socket.fields.view.setInt32(at, option.get(socket), true);
  return INT_SIZE;
}

/** EINVAL where the socket is none of the level, the option is not for programs, or no `int` is given for it. */
function integerOption(socket: OptionSocket, { level, name, length }: Request): IntegerOption | number {
  const option = optionsOf(socket, level)?.get(name);
  if (option === undefined || length !== INT_SIZE) return INVALID;
  const refusal = option.refusal?.(socket) ?? 0;
  return refusal === 0 ? option : refusal;
}

function optionsOf(socket: OptionSocket, level: number): ReadonlyMap<number, IntegerOption> | null {
  if (level === Level.SOCKET) return SOCKET_OPTIONS;
  if (level === Level.IP && socket.speaksIpv4) return IP_OPTIONS;
  if (level === Level.IPV6 && socket.family === AF_INET6) return IPV6_OPTIONS;
  return level === Level.TCP && socket.hasTcp ? TCP_OPTIONS : null;
}
