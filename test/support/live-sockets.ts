/** Calls of sockets that no port has, on Linux. Each gives what the call gives: -1 where it is refused. */
export interface LiveSockets {
  bind(fd: number, address: Uint8Array): number;
  connect(fd: number, address: Uint8Array): number;
  listen(fd: number): number;
  /** Sends from a socket to an address. @returns how many bytes. */
  send(fd: number, payload: Uint8Array, address: Uint8Array): number;
  /** A descriptor. */
  accept(fd: number): number;
  /** The bytes of the own address of a socket (`struct sockaddr`). */
  name(fd: number): Uint8Array;
}

/** `SOCK_CLOEXEC`: commands that other tests start meanwhile do not keep the socket open. */
export const CLOSE_ON_EXEC = 0x8_0000;

const INET = 2;
const INET6 = 10;

/** `struct sockaddr_in`, or of 16 bytes `struct sockaddr_in6`. */
export function socketAddress(address: Uint8Array, port: number): Uint8Array {
  const isV4 = address.length === 4;
  const bytes = new Uint8Array(isV4 ? 16 : 28);
  bytes.set([isV4 ? INET : INET6, 0, port >> 8, port & 0xff]);
  bytes.set(address, isV4 ? 4 : 8);
  return bytes;
}

export async function liveSockets(): Promise<LiveSockets> {
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const library = koffi.load(null);
  const bind = library.func("bind", "int", ["int", "void *", "uint32"]);
  const connect = library.func("connect", "int", ["int", "void *", "uint32"]);
  const listen = library.func("listen", "int", ["int", "int"]);
  const sendto = library.func("sendto", "long", ["int", "void *", "size_t", "int", "void *", "uint32"]);
  const accept = library.func("accept", "int", ["int", "void *", "void *"]);
  const name = library.func("getsockname", "int", ["int", "void *", "void *"]);
  return {
    bind: (fd, address) => bind(fd, address, address.length),
    connect: (fd, address) => connect(fd, address, address.length),
    listen: (fd) => listen(fd, 8),
    send: (fd, payload, address) => sendto(fd, payload, payload.length, 0, address, address.length),
    accept: (fd) => accept(fd, null, null),
    name: (fd) => {
      const bytes = new Uint8Array(28);
      name(fd, bytes, Uint32Array.of(bytes.length));
      return bytes;
    },
  };
}

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number;
  };
}
