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

/** Pages of an `sk_buff`'s block: what the longest packet that a program makes needs, and as much in front. */
const BLOCK_PAGES = 8;

/** The objects of one packet: made once, and filled anew for each run. */
export class PacketObjects {
  /** The page of an `xdp_buff`: headroom, packet, and room for a `struct skb_shared_info`. */
  readonly frame: number;
  /** The `struct skb_shared_info` at the end of that page. */
  readonly frameInfo: KernelStruct;
  /** The block of an `sk_buff`: headroom, packet, room to grow, and its `struct skb_shared_info` at the end. */
  readonly block: number;
  readonly blockSize = BLOCK_PAGES * PAGE_SIZE;
  /** Bytes of the block up to the shared info. */
  readonly blockRoom: number;
  readonly skb: KernelStruct;
  readonly sock: KernelStruct;
  readonly xdp: KernelStruct;
  /** At the end of the block. */
  readonly sharedInfo: KernelStruct;
  /** Bytes of a page in front of a shared info: what headroom and packet of a test run may take. */
  readonly room: number;

  constructor(memory: KernelMemory, layout: KernelLayout, allocator: StructAllocator) {
    const tailroom = (layout.sizeOf("skb_shared_info") + 63) & -64;
    this.room = PAGE_SIZE - tailroom;
    this.frame = allocator.allocate(PAGE_SIZE, PAGE_SIZE);
    this.blockRoom = BLOCK_PAGES * PAGE_SIZE - tailroom;
    this.frameInfo = new KernelStruct(memory, layout, "skb_shared_info", this.frame + this.room);
    this.block = allocator.allocate(BLOCK_PAGES * PAGE_SIZE, PAGE_SIZE);
    this.sharedInfo = new KernelStruct(memory, layout, "skb_shared_info", this.block + this.blockRoom);
    const region = (start: number, length: number, access: number, what: string) =>
      memory.regions.add({ start, end: start + length, access, stride: 0, size: 0, what });
    region(this.frame, this.room, RegionAccess.READ_WRITE, "packet");
    region(this.block, this.blockRoom, RegionAccess.READ_WRITE, "packet");
    region(this.sharedInfo.offset, tailroom, RegionAccess.READ, "struct skb_shared_info");
    this.skb = allocator.struct("sk_buff", WRITABLE);
    this.sock = allocator.struct("sock");
    this.xdp = allocator.struct("xdp_buff");
  }
}
