import type { KernelSocket } from "./socket.ts";
import { Family } from "./socket-struct.ts";

/** Sockets that share an address (`struct sock_reuseport`), in the order in which they came. */
export interface ReuseportGroup {
  readonly sockets: KernelSocket[];
  /** One of them is connected, or was. */
  connected: boolean;
}

/** How sockets are found: as what listens, by both ends of a connection, by a port of UDP, by both ends of UDP. */
export type Chain = "listening" | "established" | "datagram" | "connected";

/** The sockets of a network namespace, and those of them that packets find. */
export class SocketTable {
  readonly #all = new Map<number, KernelSocket>();
  /** What is found first stands first. */
  readonly #chains: Record<Chain, KernelSocket[]> = {
    listening: [],
    established: [],
    datagram: [],
    connected: [],
  };
  readonly #groups = new Map<KernelSocket, ReuseportGroup>();

  add(socket: KernelSocket): void {
    this.#all.set(socket.offset, socket);
  }

  remove(socket: KernelSocket): void {
    this.unhash(socket);
    this.#all.delete(socket.offset);
  }

  at(offset: number): KernelSocket | undefined {
    return this.#all.get(offset);
  }

  /** All sockets, whether anybody finds them or not, in the order in which they were made. */
  all(): readonly KernelSocket[] {
    return [...this.#all.values()];
  }

  chain(name: Chain): readonly KernelSocket[] {
    return this.#chains[name];
  }

  groupOf(socket: KernelSocket): ReuseportGroup | null {
    return this.#groups.get(socket) ?? null;
  }

  /** Packets find what listens, or a connection of TCP, from now on. */
  hashStream(socket: KernelSocket, name: "listening" | "established"): void {
    this.#unchain(socket);
    if (name === "listening") this.#insert(socket, name);
    else this.#chains.established.unshift(socket);
    setHashed(socket, true);
  }

  /** Packets find a socket of UDP from now on. */
  hashDatagram(socket: KernelSocket): void {
    this.#unchain(socket);
    this.#insert(socket, "datagram");
    setHashed(socket, true);
  }

  /**
   * A socket of UDP has a peer from now on, and leaves its group (`udp_lib_rehash`, `udp_lib_hash4`).
   *
   * @param moved whether it had no address before, which it has now.
   */
  connectDatagram(socket: KernelSocket, moved: boolean): void {
    const group = this.#groups.get(socket);
    if (group !== undefined) group.connected = true;
    this.#leave(socket);
    const { datagram, connected } = this.#chains;
    if (moved || !datagram.includes(socket)) {
      this.#unchain(socket);
      datagram.unshift(socket);
    }
    if (!connected.includes(socket)) connected.unshift(socket);
    setHashed(socket, true);
  }

  /** It has no peer any more. */
  disconnectDatagram(socket: KernelSocket): void {
    remove(this.#chains.connected, socket);
  }

  /** Nobody finds it any more. */
  unhash(socket: KernelSocket): void {
    this.#unchain(socket);
    this.#leave(socket);
    setHashed(socket, false);
  }

  /** Before those that came earlier, unless it shares an address of IPv6. */
  #insert(socket: KernelSocket, name: "listening" | "datagram"): void {
    const chain = this.#chains[name];
    const shares = socket.sock.get("__sk_common.skc_reuseport") !== 0;
    if (shares) this.#join(socket, chain);
    if (shares && socket.parts.family === Family.INET6) chain.push(socket);
    else chain.unshift(socket);
  }

  #leave(socket: KernelSocket): void {
    const group = this.#groups.get(socket);
    if (group !== undefined) remove(group.sockets, socket);
    this.#groups.delete(socket);
  }

  #unchain(socket: KernelSocket): void {
    for (const chain of Object.values(this.#chains)) remove(chain, socket);
  }

  /** `inet_reuseport_add_sock`, `udp_reuseport_add_sock` */
  #join(socket: KernelSocket, chain: readonly KernelSocket[]): void {
    if (this.#groups.has(socket)) return;
    const like = chain.find((other) => this.#groups.has(other) && sharesAddress(socket, other));
    const group = like === undefined ? { sockets: [], connected: false } : this.#groups.get(like)!;
    group.sockets.push(socket);
    this.#groups.set(socket, group);
  }
}

/** `sk_hashed` */
function setHashed({ sock, offset }: KernelSocket, hashed: boolean): void {
  sock.point("__sk_common.skc_node.pprev", hashed ? offset : 0);
}

function remove(sockets: KernelSocket[], socket: KernelSocket): void {
  const index = sockets.indexOf(socket);
  if (index >= 0) sockets.splice(index, 1);
}

function sharesAddress(one: KernelSocket, other: KernelSocket): boolean {
  const alike = ["skc_family", "skc_num", "skc_ipv6only", "skc_bound_dev_if", "skc_rcv_saddr"];
  const same = (member: string) =>
    one.sock.get(`__sk_common.${member}`) === other.sock.get(`__sk_common.${member}`);
  const address = ({ sock }: KernelSocket) => sock.read("__sk_common.skc_v6_rcv_saddr", 16).join();
  return (
    alike.every(same) &&
    other.sock.get("__sk_common.skc_reuseport") !== 0 &&
    one.sock.get("sk_uid") === other.sock.get("sk_uid") &&
    address(one) === address(other)
  );
}
