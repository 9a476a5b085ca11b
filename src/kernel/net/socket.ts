import { hasFullState, RCU_FREE, SocketState } from "../../helpers/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import { networkOrder } from "./lay-skb.ts";
import type { Namespace } from "./namespace.ts";
import {
  addressesOf,
  isAny,
  isOnlyIpv6,
  isUnspecified,
  type SocketAddress,
  sourceFor,
} from "./socket-address.ts";
import { setDefaults, setTcpDefaults } from "./socket-defaults.ts";
import { allocateSocket, Family, Protocol } from "./socket-struct.ts";

/** `NO_QUEUE_MAPPING` */
const NO_QUEUE = 0xffff;
/** `SOCK_STREAM` */
const STREAM = 1;
/** `SOCK_BINDADDR_LOCK`, `SOCK_BINDPORT_LOCK` in `sk_userlocks`. */
const Bound = { ADDRESS: 4, PORT: 8 } as const;
/** The first of `net.ipv4.ip_local_port_range`. */
const FIRST_PORT = 32768;

/** What a socket is made of. */
export interface SocketParts {
  readonly family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW` */
  readonly type: number;
  readonly protocol: number;
  readonly cgroup: Cgroup;
  readonly namespace: Namespace;
  /** Whose it is. */
  readonly uid: number;
  /** Offset of the `struct tcp_congestion_ops` that TCP begins with. */
  readonly congestion: number;
}

/** A socket: `struct sock`, the program that chooses what it receives, and what that is. */
export class KernelSocket extends KernelObject {
  readonly kind = "socket";
  readonly parts: SocketParts;
  readonly sock: KernelStruct;
  /** `SO_LOCK_FILTER`: its filter stays as it is. */
  locked = false;
  /** Packets that it received, the oldest first; nobody but the host reads them. */
  readonly received: Uint8Array[] = [];
  readonly #structs: StructAllocator;
  #filter: KernelProgram | null = null;

  constructor(structs: StructAllocator, parts: SocketParts) {
    super(0);
    this.#structs = structs;
    this.parts = parts;
    this.sock = allocateSocket(structs, parts.family, parts.protocol);
    setCommon(this.sock);
    setDefaults(this.sock);
    if (this.#isTcp) setTcpDefaults(structs, this.sock, parts.congestion);
    this.sock.set("__sk_common.skc_family", parts.family);
    this.sock.set("sk_type", parts.type);
    this.sock.set("sk_protocol", parts.protocol);
    this.sock.set("sk_uid", parts.uid);
    this.sock.point("__sk_common.skc_net.net", parts.namespace.offset);
    this.sock.point("sk_cgrp_data.cgroup", parts.cgroup.offset);
    parts.cgroup.get();
    parts.namespace.get().sockets.add(this);
  }

  /** Offset of its `struct sock`. */
  get offset(): number {
    return this.sock.offset;
  }

  /** A program looks at it from now on: a reference, where it is counted. @returns its offset. */
  hold(): number {
    const isCounted = !hasFullState(this.state) || (this.sock.get("__sk_common.skc_flags") & RCU_FREE) === 0;
    const count = "__sk_common.skc_refcnt.refs.counter";
    if (isCounted) this.sock.set(count, this.sock.get(count) + 1);
    return this.offset;
  }

  get filter(): KernelProgram | null {
    return this.#filter;
  }

  /** Gives it another filter, or none. */
  set filter(program: KernelProgram | null) {
    const before = this.#filter;
    this.#filter = program?.get() ?? null;
    before?.put();
  }

  get state(): number {
    return this.sock.get("__sk_common.skc_state");
  }

  get #isInternet(): boolean {
    return this.parts.family === Family.INET || this.parts.family === Family.INET6;
  }

  get #isTcp(): boolean {
    return this.#isInternet && this.parts.protocol === Protocol.TCP;
  }

  get #isUdp(): boolean {
    return this.#isInternet && this.parts.protocol === Protocol.UDP;
  }

  /** bind(2), or what the first packet does in its place: its own address, of 4 or 16 bytes, and port; 0: any. */
  bind({ address, port }: SocketAddress): void {
    this.#setOwn({ address, port: port === 0 ? this.#port() : port });
    // `__inet6_bind`: with such an address it is for nothing of IPv4.
    if (this.parts.family === Family.INET6 && isOnlyIpv6(this.#ownAddress()))
      this.sock.set("__sk_common.skc_ipv6only", 1);
    const locks = (isUnspecified(address) ? 0 : Bound.ADDRESS) | (port === 0 ? 0 : Bound.PORT);
    this.sock.set("sk_userlocks", this.sock.get("sk_userlocks") | locks);
    if (!this.#isUdp) return;
    // It can be found from now on (`udp_lib_get_port`), by whoever takes no reference to it.
    this.#setUncounted();
    this.parts.namespace.sockets.hashDatagram(this);
  }

  /** listen(2): from now on connections to its address find it. @throws RangeError where it is no stream. */
  listen(): void {
    if (this.parts.type !== STREAM)
      throw new RangeError(`socket: expected a stream, got a socket of type ${this.parts.type}`);
    this.sock.set("__sk_common.skc_state", SocketState.LISTEN);
    if (!this.#isTcp) return;
    this.#setUncounted();
    this.parts.namespace.sockets.hashStream(this, "listening");
  }

  /**
   * connect(2), and all that it takes until there is a connection: the other end's address and port.
   *
   * @param from its own end, where it is not bound; unless told, loopback addresses have their own, and others none.
   */
  connect({ address, port }: SocketAddress, from?: SocketAddress): void {
    const { family, namespace } = this.parts;
    const { ipv4, ipv6 } = addressesOf(family, address);
    this.#setPeer(address, port);
    const own = from ?? { address: sourceFor(ipv6 ?? ipv4) ?? this.#ownAddress(), port: this.#port() };
    const moves = isAny(this.#ownAddress()) || this.#number === 0;
    if (moves) this.#setOwn(own);
    this.sock.set("__sk_common.skc_state", SocketState.ESTABLISHED);
    if (this.#isTcp) namespace.sockets.hashStream(this, "established");
    if (!this.#isUdp) return;
    this.#setUncounted();
    namespace.sockets.connectDatagram(this, moves);
  }

  /** `tcp_abort`, `udp_abort`: the connection ends, and what listens; what UDP is bound to stays. ENOENT, EOPNOTSUPP. */
  abort(error: number): number {
    if (!this.#isTcp && !this.#isUdp) return -Errno.EOPNOTSUPP;
    if (this.#isTcp && this.state === SocketState.CLOSE) return -Errno.ENOENT;
    const { sockets } = this.parts.namespace;
    this.sock.set("sk_err", error);
    this.sock.set("__sk_common.skc_state", SocketState.CLOSE);
    if (this.#isTcp) {
      sockets.end(this);
      return 0;
    }
    this.#setPeer();
    sockets.disconnectDatagram(this);
    this.sock.set("__sk_common.skc_bound_dev_if", 0);
    const locks = this.sock.get("sk_userlocks");
    if ((locks & Bound.ADDRESS) === 0) this.#setOwn({ address: new Uint8Array(16), port: this.#number });
    if ((locks & Bound.PORT) === 0) sockets.unhash(this);
    return 0;
  }

  get #number(): number {
    return this.sock.get("__sk_common.skc_num");
  }

  /** The other end; none unless told. */
  #setPeer(address: Uint8Array = new Uint8Array(16), port = 0): void {
    const { ipv4, ipv6 } = addressesOf(this.parts.family, address);
    this.sock.write("__sk_common.skc_daddr", ipv4);
    if (ipv6 !== null) this.sock.write("__sk_common.skc_v6_daddr", ipv6);
    this.sock.set("__sk_common.skc_dport", networkOrder(port));
  }

  #ownAddress(): Uint8Array {
    return this.parts.family === Family.INET6
      ? this.sock.read("__sk_common.skc_v6_rcv_saddr", 16)
      : this.sock.read("__sk_common.skc_rcv_saddr", 4);
  }

  #setOwn({ address, port }: SocketAddress): void {
    const { ipv4, ipv6 } = addressesOf(this.parts.family, address);
    this.sock.write("__sk_common.skc_rcv_saddr", ipv4);
    if (ipv6 !== null) this.sock.write("__sk_common.skc_v6_rcv_saddr", ipv6);
    this.sock.set("__sk_common.skc_num", port);
  }

  /** Its port, or one that nobody has. */
  #port(): number {
    if (this.#number !== 0) return this.#number;
    const taken = new Set(
      this.parts.namespace.sockets.all().map((socket) => socket.sock.get("__sk_common.skc_num")),
    );
    let port = FIRST_PORT;
    while (taken.has(port)) port++;
    return port;
  }

  #setUncounted(): void {
    this.sock.set("__sk_common.skc_flags", this.sock.get("__sk_common.skc_flags") | RCU_FREE);
  }

  protected override destroy(): void {
    this.filter = null;
    this.parts.namespace.sockets.remove(this);
    this.parts.cgroup.put();
    this.#structs.free(this.sock);
    this.parts.namespace.put();
  }
}

/** `sk_alloc` and `sock_init_data`, as far as programs see them in test runs. */
export function initSock(sock: KernelStruct): void {
  sock.clear();
  setCommon(sock);
}

function setCommon(sock: KernelStruct): void {
  sock.set("__sk_common.skc_state", SocketState.CLOSE);
  sock.set("__sk_common.skc_refcnt.refs.counter", 1);
  sock.set("__sk_common.skc_rx_queue_mapping", NO_QUEUE);
  sock.set("__sk_common.skc_tx_queue_mapping", NO_QUEUE);
  // No CPU is the one that its packets come to.
  sock.set("__sk_common.skc_incoming_cpu", 0xffff_ffff);
}
