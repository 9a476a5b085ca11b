import { addressOf, type KernelMemory, PAGE_SIZE } from "../../mem/index.ts";
import type { Device } from "./device.ts";
import type { PacketObjects } from "./packet-objects.ts";

/** `NET_SKB_PAD + NET_IP_ALIGN` on x86-64. */
export const SKB_HEADROOM = 64;
export const ETH_HLEN = 14;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_802_3 = 0x0001;
export const ETH_P_802_2 = 0x0004;
/** What the offset of a header is that nobody has set. */
const UNSET = 0xffff;
const PacketType = { HOST: 0, MULTICAST: 2, OTHERHOST: 3 } as const;

/** Where a packet is, and whose. */
export interface SkbPlace {
  readonly device: Device;
  /** Offset of its `struct sock`; 0 for none. */
  readonly sock: number;
  /** Bytes of the frame in front of what the program sees as the packet's beginning. */
  readonly offset: number;
}

/** The objects of a packet, and the memory that they lie in: a `Machine`, or the packet of another executor. */
export interface PacketPlace {
  readonly packets: PacketObjects;
  readonly memory: KernelMemory;
}

/** Lays a frame out as a `struct sk_buff` that was received by a device: that of `place.packets`, which it fills anew. */
export function laySkb(place: PacketPlace, frame: Uint8Array, { device, sock, offset }: SkbPlace): void {
  const { packets, memory } = place;
  const { block, skb } = packets;
  const size = frame.length;
  // In words: a fill of shared memory stores element by element.
  memory.words().fill(0, block >>> 2, (block + Math.max(PAGE_SIZE, size + SKB_HEADROOM)) >>> 2);
  packets.sharedInfo.clear();
  memory.bytes().set(frame, block + SKB_HEADROOM);
  skb.clear();
  const start = block + SKB_HEADROOM;
  skb.point("head", block);
  skb.set("end", packets.blockRoom);
  skb.set("tail", SKB_HEADROOM + size);
  skb.point("dev", device.device.offset);
  skb.point("sk", sock);
  skb.set("mac_header", SKB_HEADROOM);
  skb.set("transport_header", UNSET);
  skb.set("network_header", SKB_HEADROOM + ETH_HLEN);
  skb.set("pkt_type", packetType(frame));
  skb.set("protocol", networkOrder(etherType(frame)));
  skb.point("data", start + offset);
  skb.set("len", size - offset);
  computeDataPointers(place);
}

/** `bpf_compute_data_pointers`: where programs find the packet's end and what is in front of it. */
export function computeDataPointers({ packets: { skb } }: Pick<PacketPlace, "packets">): void {
  const data = skb.pointer("data");
  skb.set("cb+bpf_skb_data_end.data_end", addressOf(data + skb.get("len")));
  skb.set("cb+bpf_skb_data_end.data_meta", addressOf(data));
}

/**
 * `eth_type_trans`: what the destination says about whose packet it is; the loopback device's addresses
 * are all zeros, so that even ff:ff:ff:ff:ff:ff is some group's.
 */
function packetType(frame: Uint8Array): number {
  const destination = frame.subarray(0, 6);
  if (destination.every((byte) => byte === 0)) return PacketType.HOST;
  if ((destination[0]! & 1) === 0) return PacketType.OTHERHOST;
  return PacketType.MULTICAST;
}

/** A 16-bit number as a little-endian field has it in network order, and back. */
export function networkOrder(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

/** The protocol in a frame's header. */
export function etherType(frame: Uint8Array): number {
  const type = (frame[12]! << 8) | frame[13]!;
  if (type >= 0x600) return type;
  return frame.length >= ETH_HLEN + 2 && frame[14] === 0xff && frame[15] === 0xff ? ETH_P_802_3 : ETH_P_802_2;
}
