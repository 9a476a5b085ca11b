import { type KernelMemory, PAGE_SIZE, RegionAccess } from "../../mem/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import { KernelStruct } from "../kernel-struct.ts";
import type { StructAllocator } from "../struct-allocator.ts";

/** Members of `struct sk_buff` that rewritten context accesses may write to. */
const WRITABLE: readonly string[] = [
  "mark",
  "priority",
  "queue_mapping",
  "tc_index",
  "tstamp",
  "cb",
  "tstamp_type",
];

/** The objects of one packet: made once, and filled anew for each run. */
export class PacketObjects {
  /** A page: headroom, packet, and `struct skb_shared_info` at the end. */
  readonly frame: number;
  readonly skb: KernelStruct;
  readonly sock: KernelStruct;
  readonly xdp: KernelStruct;
  /** At the end of the frame. */
  readonly sharedInfo: KernelStruct;
  /** Bytes of the frame from its start to the shared info: room for headroom and packet. */
  readonly room: number;

  constructor(memory: KernelMemory, layout: KernelLayout, allocator: StructAllocator) {
    const tailroom = (layout.sizeOf("skb_shared_info") + 63) & -64;
    this.room = PAGE_SIZE - tailroom;
    this.frame = allocator.allocate(PAGE_SIZE, PAGE_SIZE);
    memory.regions.add({
      start: this.frame,
      end: this.frame + this.room,
      access: RegionAccess.READ_WRITE,
      stride: 0,
      size: 0,
      what: "packet",
    });
    this.sharedInfo = new KernelStruct(memory, layout, "skb_shared_info", this.frame + this.room);
    memory.regions.add({
      start: this.frame + this.room,
      end: this.frame + PAGE_SIZE,
      access: RegionAccess.READ,
      stride: 0,
      size: 0,
      what: "struct skb_shared_info",
    });
    this.skb = allocator.struct("sk_buff", WRITABLE);
    this.sock = allocator.struct("sock");
    this.xdp = allocator.struct("xdp_buff");
  }
}
