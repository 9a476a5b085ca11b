import type { KernelStruct } from "../kernel-struct.ts";
import type { StructAllocator } from "../struct-allocator.ts";

/** The one network device that every namespace has: what test runs receive their packets on. */
export interface Loopback {
  /** `struct net_device` with ifindex 1. */
  readonly device: KernelStruct;
  /** `struct xdp_rxq_info` of its only receive queue. */
  readonly queue: KernelStruct;
}

export const LOOPBACK_IFINDEX = 1;

export function createLoopback(allocator: StructAllocator): Loopback {
  const device = allocator.struct("net_device");
  device.set("ifindex", LOOPBACK_IFINDEX);
  const queue = allocator.struct("xdp_rxq_info");
  queue.point("dev", device.offset);
  queue.set("queue_index", 0);
  return { device, queue };
}
