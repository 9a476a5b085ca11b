import type { NamespaceHook } from "../hooks/namespace-hook.ts";
import type { NetfilterHooks } from "../hooks/netfilter.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { LOOPBACK_IFINDEX, LOOPBACK_MTU } from "./loopback.ts";
import { SocketTable, type SocketWatcher } from "./socket-table.ts";

export interface NamespaceWatchers {
  readonly sockets: SocketWatcher;
  readonly whenGone: (namespace: Namespace) => void;
}

/** A network namespace: `struct net`, its devices, and the programs that decide for all of it. */
export class Namespace extends KernelObject {
  readonly kind = "netns";
  readonly struct: KernelStruct;
  readonly devices = new Map<number, Device>();
  readonly sockets: SocketTable;
  /** Programs by attach type (`net->bpf`). */
  readonly hooks = new Map<number, NamespaceHook>();
  /** Netfilter programs, made when the first is attached. */
  netfilter: NetfilterHooks | null = null;
  readonly #structs: StructAllocator;
  readonly #whenGone: (namespace: Namespace) => void;

  /**
   * @param id number of its file under /proc/PID/ns (`ns.inum`).
   * @param cookie what programs know it by, above 0.
   * @param watchers are told of the ends of its sockets, and of its own.
   */
  constructor(structs: StructAllocator, id: number, cookie: number, watchers: NamespaceWatchers) {
    super(id);
    this.sockets = new SocketTable(watchers.sockets);
    this.#whenGone = watchers.whenGone;
    this.#structs = structs;
    this.struct = structs.struct("net");
    this.struct.set("ns.inum", id);
    this.struct.set("net_cookie", cookie);
    const loopback = this.addDevice({ name: "lo", ifindex: LOOPBACK_IFINDEX, mtu: LOOPBACK_MTU });
    this.struct.point("loopback_dev", loopback.device.offset);
  }

  /** Offset of its `struct net`. */
  get offset(): number {
    return this.struct.offset;
  }

  /** The device that every namespace has. */
  get loopback(): Device {
    return this.devices.get(LOOPBACK_IFINDEX)!;
  }

  /** A new device. @throws RangeError where its number is taken. */
  addDevice(options: DeviceOptions): Device {
    const ifindex = options.ifindex ?? Math.max(0, ...this.devices.keys()) + 1;
    if (this.devices.has(ifindex))
      throw new RangeError(`namespace: expected an interface that is not there, got ${ifindex}`);
    const device = new Device(this.#structs, this, { ...options, ifindex });
    this.devices.set(ifindex, device);
    return device;
  }

  protected override destroy(): void {
    for (const { device, queue } of this.devices.values()) {
      this.#structs.free(queue);
      this.#structs.free(device);
    }
    this.#structs.free(this.struct);
    this.#whenGone(this);
  }
}
