import type { KernelStruct } from "../kernel-struct.ts";
import type { KernelObject } from "../objects/kernel-object.ts";
import { Family } from "./socket-struct.ts";

/** A socket, as far as tables and those who look into them need it. */
export interface FoundSocket extends KernelObject {
  /** `struct sock` */
  readonly sock: KernelStruct;
  readonly offset: number;
  readonly parts: { readonly family: number };
  /** A program looks at it from now on: a reference, where it is counted. @returns its offset. */
  hold(): number;
  /** Ends what it is doing. @returns 0 or a negative errno. */
  abort(error: number): number;
}

/** Sockets that share an address (`struct sock_reuseport`), in the order in which they came. */
export interface ReuseportGroup {
  readonly sockets: FoundSocket[];
  /** One of them is connected, or was. */
  connected: boolean;
}

/** Who is told where sockets end. */
export interface SocketWatcher {
  /** It is closed, or its connection is over. */
  ended(socket: FoundSocket): void;
  /** It shares its address with nobody any more. */
  leftGroup(socket: FoundSocket): void;
}

/** How sockets are found: as what listens, by both ends of a connection, by a port of UDP, by both ends of UDP. */
export type Chain = "listening" | "established" | "datagram" | "connected";

/** The sockets of a network namespace, and those of them that packets find. */
export class SocketTable {
  readonly #all = new Map<number, FoundSocket>();
  /** What is found first stands first. */
  readonly #chains: Record<Chain, FoundSocket[]> = {
    listening: [],
    established: [],
    datagram: [],
    connected: [],
  };
  readonly #groups = new Map<FoundSocket, ReuseportGroup>();
  readonly #watcher: SocketWatcher;

  constructor(watcher: SocketWatcher) {
    this.#watcher = watcher;
  }

  add(socket: FoundSocket): void {
    this.#all.set(socket.offset, socket);
  }

  remove(socket: FoundSocket): void {
    this.end(socket);
    this.#all.delete(socket.offset);
  }

  at(offset: number): FoundSocket | undefined {
    return this.#all.get(offset);
  }

  /** All sockets, whether anybody finds them or not, in the order in which they were made. */
  all(): readonly FoundSocket[] {
    return [...this.#all.values()];
  }

  chain(name: Chain): readonly FoundSocket[] {
    return this.#chains[name];
  }

  groupOf(socket: FoundSocket): ReuseportGroup | null {
    return this.#groups.get(socket) ?? null;
  }

  /** Packets find what listens, or a connection of TCP, from now on. */
  hashStream(socket: FoundSocket, name: "listening" | "established"): void {
    this.#unchain(socket);
    if (name === "listening") this.#insert(socket, name);
    else this.#chains.established.unshift(socket);
    setHashed(socket, true);
  }

  /** Packets find a socket of UDP from now on. */
  hashDatagram(socket: FoundSocket): void {
    this.#unchain(socket);
    this.#insert(socket, "datagram");
    setHashed(socket, true);
  }

  /**
   * A socket of UDP has a peer from now on, and leaves its group (`udp_lib_rehash`, `udp_lib_hash4`).
   *
   * @param moved whether it had no address before, which it has now.
   */
  connectDatagram(socket: FoundSocket, moved: boolean): void {
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
  disconnectDatagram(socket: FoundSocket): void {
    remove(this.#chains.connected, socket);
  }

  /** A connection is over, or what listened: nobody finds it any more. */
  end(socket: FoundSocket): void {
    this.unhash(socket);
    this.#watcher.ended(socket);
  }

  /** Nobody finds it any more. */
  unhash(socket: FoundSocket): void {
    this.#unchain(socket);
    this.#leave(socket);
    setHashed(socket, false);
  }

  /** Before those that came earlier, unless it shares an address of IPv6. */
  #insert(socket: FoundSocket, name: "listening" | "datagram"): void {
    const chain = this.#chains[name];
    const shares = socket.sock.get("__sk_common.skc_reuseport") !== 0;
    if (shares) this.#join(socket, chain);
    if (shares && socket.parts.family === Family.INET6) chain.push(socket);
    else chain.unshift(socket);
  }

  #leave(socket: FoundSocket): void {
    const group = this.#groups.get(socket);
    if (group === undefined) return;
    remove(group.sockets, socket);
    this.#groups.delete(socket);
    this.#watcher.leftGroup(socket);
  }

  #unchain(socket: FoundSocket): void {
    for (const chain of Object.values(this.#chains)) remove(chain, socket);
  }

  /** `inet_reuseport_add_sock`, `udp_reuseport_add_sock` */
  #join(socket: FoundSocket, chain: readonly FoundSocket[]): void {
    if (this.#groups.has(socket)) return;
    const like = chain.find((other) => this.#groups.has(other) && sharesAddress(socket, other));
    const group = like === undefined ? { sockets: [], connected: false } : this.#groups.get(like)!;
    group.sockets.push(socket);
    this.#groups.set(socket, group);
  }
}

/** `sk_hashed` */
function setHashed({ sock, offset }: FoundSocket, hashed: boolean): void {
  sock.point("__sk_common.skc_node.pprev", hashed ? offset : 0);
}

function remove(sockets: FoundSocket[], socket: FoundSocket): void {
  const index = sockets.indexOf(socket);
  if (index >= 0) sockets.splice(index, 1);
}

function sharesAddress(one: FoundSocket, other: FoundSocket): boolean {
  const alike = ["skc_family", "skc_num", "skc_ipv6only", "skc_bound_dev_if", "skc_rcv_saddr"];
  const same = (member: string) =>
    one.sock.get(`__sk_common.${member}`) === other.sock.get(`__sk_common.${member}`);
  const address = ({ sock }: FoundSocket) => sock.read("__sk_common.skc_v6_rcv_saddr", 16).join();
  return (
    alike.every(same) &&
    other.sock.get("__sk_common.skc_reuseport") !== 0 &&
    one.sock.get("sk_uid") === other.sock.get("sk_uid") &&
    address(one) === address(other)
  );
}
