import { PAGE_SIZE } from "../../mem/index.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { PacketPlace } from "./lay-skb.ts";

/** `XDP_PACKET_HEADROOM` */
export const XDP_HEADROOM = 256;

/** Where a frame is in its page, and where it came from. */
export interface XdpPlace {
  /** Bytes in front of its metadata. */
  readonly headroom: number;
  /** Bytes of metadata in front of the packet. */
  readonly meta: number;
  /** `struct xdp_rxq_info` */
  readonly queue: KernelStruct;
}

/** Lays a frame, as much of it as fits, out as a `struct xdp_buff`: that of `place.packets`, which it fills anew. */
export function layXdp(place: PacketPlace, data: Uint8Array, { headroom, meta, queue }: XdpPlace): void {
  const { packets, memory } = place;
  const { frame, xdp: buff } = packets;
  const length = Math.min(data.length, packets.room - headroom);
  // In words: a fill of shared memory stores element by element.
  memory.words().fill(0, frame >>> 2, (frame + PAGE_SIZE) >>> 2);
  memory.bytes().set(data.subarray(0, length), frame + headroom);
  buff.clear();
  buff.point("data_hard_start", frame);
  buff.point("data_meta", frame + headroom);
  buff.point("data", frame + headroom + meta);
  buff.point("data_end", frame + headroom + length);
  buff.point("rxq", queue.offset);
  buff.set("frame_sz", PAGE_SIZE);
}
