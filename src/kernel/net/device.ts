import { utf8 } from "../../base/index.ts";
import type { PacketMetadata } from "../../helpers/index.ts";
import type { NamespaceHook } from "../hooks/namespace-hook.ts";
import type { NetfilterHooks } from "../hooks/netfilter.ts";
import type { ProgramChain } from "../hooks/program-chain.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import type { XdpAttachment } from "./xdp-attachment.ts";

/** What a device is made of. */
export interface DeviceOptions {
  readonly name: string;
  /** The next free number of its namespace unless told. */
  readonly ifindex?: number;
  /** In bytes; 1500 unless told. */
  readonly mtu?: number;
  /** Whether its driver runs XDP programs itself; as only those of real devices and of veth pairs do. */
  readonly nativeXdp?: boolean;
  /** What its driver can tell of a packet that it received; nothing unless told. That of veth tells all. */
  readonly metadata?: readonly (keyof PacketMetadata)[];
}

/** The namespace that a device is in, as far as packets go. */
export interface DeviceNamespace {
  /** Of its `struct net`. */
  readonly offset: number;
  readonly loopback: Device;
  readonly hooks: ReadonlyMap<number, NamespaceHook>;
  readonly netfilter: NetfilterHooks | null;
}

const ETH_HLEN = 14;
/** Frames that are kept of those that left. */
const KEPT = 256;
/** `IFNAMSIZ` */
const NAME_SIZE = 16;

/** A network device: `struct net_device` with one receive queue, and what is attached to it. */
export class Device {
  readonly ifindex: number;
  readonly name: string;
  readonly nativeXdp: boolean;
  readonly #metadata: readonly (keyof PacketMetadata)[];
  readonly namespace: DeviceNamespace;
  /** `struct net_device` */
  readonly device: KernelStruct;
  /** `struct xdp_rxq_info` of its only receive queue. */
  readonly queue: KernelStruct;
  /** The last frames that left through it, the oldest first. */
  readonly sent: Uint8Array[] = [];
  /** XDP programs by mode. */
  readonly xdp = new Map<"skb" | "driver", XdpAttachment>();
  /** tcx programs by attach type (`struct tcx_entry`), where any are attached. */
  readonly tcx = new Map<number, ProgramChain>();

  constructor(
    structs: StructAllocator,
    namespace: DeviceNamespace,
    options: DeviceOptions & { ifindex: number },
  ) {
    this.ifindex = options.ifindex;
    this.name = options.name;
    this.nativeXdp = options.nativeXdp ?? false;
    this.#metadata = options.metadata ?? [];
    this.namespace = namespace;
    this.device = structs.struct("net_device");
    this.device.set("ifindex", options.ifindex);
    this.device.set("mtu", options.mtu ?? 1500);
    this.device.set("hard_header_len", ETH_HLEN);
    this.device.write("name", utf8(options.name).subarray(0, NAME_SIZE - 1));
    this.device.point("nd_net.net", namespace.offset);
    this.queue = structs.struct("xdp_rxq_info");
    this.queue.point("dev", this.device.offset);
    this.queue.set("queue_index", 0);
  }

  /** What it tells of a packet of which so much is known. */
  metadataOf(known: PacketMetadata): PacketMetadata {
    return Object.fromEntries(this.#metadata.map((name) => [name, known[name] ?? null]));
  }

  /** A frame has left. */
  transmitted(frame: Uint8Array): void {
    this.sent.push(frame);
    if (this.sent.length > KEPT) this.sent.shift();
  }
}
