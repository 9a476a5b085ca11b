import type { KernelStruct } from "../kernel-struct.ts";
import type { StructAllocator } from "../struct-allocator.ts";

/** Families of addresses. */
export const Family = { UNIX: 1, INET: 2, INET6: 10, PACKET: 17 } as const;

/** `IPPROTO_*` of protocols with ports. */
export const Protocol = { TCP: 6, UDP: 17 } as const;

/** The struct that a socket is, and where in it is what IPv6 adds. */
interface SocketStruct {
  readonly type: string;
  readonly ipv6: boolean;
}

/** `SOCK_RAW` and protocols that nobody knows here have what `struct raw_sock` has. */
function structOf(family: number, protocol: number): SocketStruct {
  const ipv6 = family === Family.INET6;
  if (family === Family.UNIX) return { type: "unix_sock", ipv6 };
  if (family !== Family.INET && !ipv6) return { type: "sock", ipv6 };
  const kind = protocol === Protocol.TCP ? "tcp" : protocol === Protocol.UDP ? "udp" : "raw";
  return { type: ipv6 ? `${kind}6_sock` : `${kind}_sock`, ipv6 };
}

/** A zeroed struct of a socket, as long as its family and protocol make it; `struct sock` is how all of them begin. */
export function allocateSocket(structs: StructAllocator, family: number, protocol: number): KernelStruct {
  const { type, ipv6 } = structOf(family, protocol);
  const sock = structs.struct("sock", [], structs.sizeOf(type) - structs.sizeOf("sock"));
  if (ipv6) {
    const own = structs.view(type, sock.offset).at("inet6");
    structs.view("inet_sock", sock.offset).point("pinet6", own);
  }
  return sock;
}
