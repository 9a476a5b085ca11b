import { BpfAttachType, BpfProgType, Errno } from "../../uapi/index.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { runCgroupPrograms } from "./cgroup-run.ts";
import { runSockAddr } from "./sock-addr-run.ts";
import { KernelSocket } from "./socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import { Family, Protocol } from "./socket-struct.ts";

const FAMILIES: readonly number[] = Object.values(Family);
/** `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW`, below the flags of descriptors. */
const TYPES: readonly number[] = [1, 2, 3];
const TYPE_MASK = 0xf;

/** What streams and datagrams are carried by where nothing else is asked for (`inetsw`). */
const PROTOCOLS: ReadonlyMap<number, number> = new Map([
  [1, Protocol.TCP],
  [2, Protocol.UDP],
]);

const SOL_SOCKET = 1;

/** Options of sockets that are about their filter. */
const Option = { DETACH_FILTER: 27, LOCK_FILTER: 44, ATTACH_BPF: 50 } as const;

/** socket(2): programs of the caller's control group may have something against it. EAFNOSUPPORT, EPERM. */
export function openSocket(process: Process, family: number, type: number, protocol: number): number {
  if (!FAMILIES.includes(family)) refuse(Errno.EAFNOSUPPORT);
  const kind = type & TYPE_MASK;
  if (!TYPES.includes(kind)) refuse(Errno.EINVAL);
  const { machine, task } = process;
  const { cgroup, namespace } = task;
  const isInternet = family === Family.INET || family === Family.INET6;
  const socket = new KernelSocket(machine.structs, {
    family,
    type: kind,
    protocol: isInternet && protocol === 0 ? (PROTOCOLS.get(kind) ?? 0) : protocol,
    cgroup,
    namespace,
    uid: task.uid,
    congestion: machine.congestionControls.default,
  });
  if (isInternet) {
    const attachType = BpfAttachType.CGROUP_INET_SOCK_CREATE;
    const refusal = runCgroupPrograms(machine, {
      group: cgroup,
      attachType,
      context: socket.sock.offset,
      run: (...run) => machine.runForEvent(...run),
    });
    if (refusal < 0) {
      socket.put();
      refuse(-refusal);
    }
  }
  return process.files.install(socket);
}

/** bind(2): programs of its control group may change the address, or have something against it. EBADF, ENOTSOCK, EPERM. */
export function bindSocket(process: Process, fd: number, end: SocketAddress): number {
  const socket = socketOf(process, fd);
  const left = runSockAddr(process.machine, socket, "bind", end);
  if (typeof left === "number") return left;
  socket.bind(left);
  return 0;
}

/** connect(2), likewise; `from` is as in `KernelSocket.connect`. EBADF, ENOTSOCK, EPERM. */
export function connectSocket(
  process: Process,
  fd: number,
  end: SocketAddress,
  from: SocketAddress | undefined,
): number {
  const socket = socketOf(process, fd);
  const left = runSockAddr(process.machine, socket, "connect", end);
  if (typeof left === "number") return left;
  socket.connect(left, from);
  return 0;
}

/** `sockfd_lookup`: EBADF, ENOTSOCK. */
export function socketOf(process: Process, fd: number): KernelSocket {
  if (!process.files.isOpen(fd)) refuse(Errno.EBADF);
  const object = process.files.find(fd)?.object;
  return object?.kind === "socket" ? (object as KernelSocket) : refuse(Errno.ENOTSOCK);
}

/** setsockopt(2), of options about filters. EBADF, ENOTSOCK, ENOPROTOOPT, EINVAL, EPERM, ENOENT. */
export function setSocketOption(
  process: Process,
  fd: number,
  { level, option, value }: { readonly level: number; readonly option: number; readonly value: Uint8Array },
): number {
  const socket = socketOf(process, fd);
  if (level !== SOL_SOCKET) refuse(Errno.ENOPROTOOPT);
  if (value.length < 4) refuse(Errno.EINVAL);
  const number = new DataView(value.buffer, value.byteOffset).getInt32(0, true);
  switch (option) {
    case Option.ATTACH_BPF: {
      if (value.length !== 4) refuse(Errno.EINVAL);
      if (socket.locked) refuse(Errno.EPERM);
      socket.filter = process.programOf(number, BpfProgType.SOCKET_FILTER);
      return 0;
    }
    case Option.DETACH_FILTER:
      if (socket.locked) refuse(Errno.EPERM);
      if (socket.filter === null) refuse(Errno.ENOENT);
      socket.filter = null;
      return 0;
    case Option.LOCK_FILTER:
      if (socket.locked && number === 0) refuse(Errno.EPERM);
      socket.locked = number !== 0;
      return 0;
    default:
      return refuse(Errno.ENOPROTOOPT);
  }
}
