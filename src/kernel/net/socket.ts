import { RCU_FREE } from "../../helpers/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import { networkOrder } from "./lay-skb.ts";
import type { Namespace } from "./namespace.ts";

/** Families of addresses. */
export const Family = { UNIX: 1, INET: 2, INET6: 10, PACKET: 17 } as const;

const IPPROTO_UDP = 17;
const TCP_CLOSE = 7;
/** `NO_QUEUE_MAPPING` */
const NO_QUEUE = 0xffff;

/** What a socket is made of. */
export interface SocketParts {
  readonly family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW` */
  readonly type: number;
  readonly protocol: number;
  readonly cgroup: Cgroup;
  readonly namespace: Namespace;
}

/** An end of what sockets send and receive. */
export interface SocketAddress {
  /** In network order: 4 bytes, or 16. */
  readonly address: Uint8Array;
  readonly port: number;
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
    this.sock = structs.struct("sock");
    initSock(this.sock);
    this.sock.set("__sk_common.skc_family", parts.family);
    this.sock.set("sk_type", parts.type);
    this.sock.set("sk_protocol", parts.protocol);
    this.sock.point("__sk_common.skc_net.net", parts.namespace.offset);
    this.sock.point("sk_cgrp_data.cgroup", parts.cgroup.offset);
    parts.cgroup.get();
  }

  /** Offset of its `struct sock`. */
  get offset(): number {
    return this.sock.offset;
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

  /** bind(2), or what the first packet does in its place: its own address, of 4 or 16 bytes, and port. */
  bind({ address, port }: SocketAddress): void {
    this.sock.write(
      address.length === 16 ? "__sk_common.skc_v6_rcv_saddr" : "__sk_common.skc_rcv_saddr",
      address,
    );
    this.sock.set("__sk_common.skc_num", port);
    if (this.parts.protocol === IPPROTO_UDP) this.#hash();
  }

  /** A socket of UDP can be found from now on (`udp_lib_get_port`), by whoever takes no reference to it. */
  #hash(): void {
    this.sock.set("__sk_common.skc_flags", RCU_FREE);
    this.sock.point("__sk_common.skc_node.pprev", this.sock.offset);
  }

  /** connect(2): the other end's address and port. */
  connect({ address, port }: SocketAddress): void {
    this.sock.write(address.length === 16 ? "__sk_common.skc_v6_daddr" : "__sk_common.skc_daddr", address);
    this.sock.set("__sk_common.skc_dport", networkOrder(port));
  }

  protected override destroy(): void {
    this.filter = null;
    this.parts.cgroup.put();
    this.#structs.free(this.sock);
  }
}

/** `sk_alloc` and `sock_init_data`, as far as programs see them. */
export function initSock(sock: KernelStruct): void {
  sock.clear();
  sock.set("__sk_common.skc_state", TCP_CLOSE);
  sock.set("__sk_common.skc_refcnt.refs.counter", 1);
  sock.set("__sk_common.skc_rx_queue_mapping", NO_QUEUE);
  sock.set("__sk_common.skc_tx_queue_mapping", NO_QUEUE);
}
