import type { FieldPlace, KernelLayout } from "../platform/index.ts";
import { BpfAdjRoomMode, BpfFuncId, Errno, BpfAdjRoomFlag as Flag } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY } from "./sk-buff.ts";
import { SkbHeaders } from "./skb-headers.ts";
import { longestPacket, SegmentType, SkbSegments } from "./skb-segments.ts";

const ETH_HLEN = 14;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** An Ethernet frame in a tunnel. */
const ETH_P_TEB = 0x6558;
const IPV4_HLEN = 20;
const IPV6_HLEN = 40;

/** `ENOTSUPP`, which no header of user space names. */
const ENOTSUPP = 524;

/** The most by which one call moves headers. */
const MOST = 0xfff;

/** The length of an inner link-layer header: the highest byte of the flags, in their high half. */
const INNER_LINK_SHIFT = 24;

const ENCAP_L3 = Flag.ENCAP_L3_IPV4 | Flag.ENCAP_L3_IPV6;
const ENCAP_L4 = Flag.ENCAP_L4_GRE | Flag.ENCAP_L4_UDP;
const DECAP_L3 = Flag.DECAP_L3_IPV4 | Flag.DECAP_L3_IPV6;
const SHRINKING = Flag.FIXED_GSO | DECAP_L3 | Flag.NO_CSUM_RESET;
const KNOWN = SHRINKING | ENCAP_L3 | ENCAP_L4 | Flag.ENCAP_L2_ETH;

/** Room that comes or goes. */
interface Adjustment {
  /** Where, from the packet's start. */
  readonly offset: number;
  readonly by: number;
  /** `BPF_F_ADJ_ROOM_*` of the low half. */
  readonly flags: number;
  readonly innerLink: number;
}

/** Helpers that exchange the network protocol of a packet, or make and take room for headers of tunnels. */
export function skbNetworkHelpers(layout: KernelLayout): readonly Helper[] {
  const headers = new SkbHeaders(layout);
  const segments = new SkbSegments(layout);
  const { space } = headers;
  const { skbs } = space;
  const maximum = longestPacket(layout);
  const encapsulation = layout.field("sk_buff.encapsulation");
  const innerProtocolType = layout.field("sk_buff.inner_protocol_type");
  const INNER_PROTOCOL = layout.offset("sk_buff.inner_protocol");

  const isSet = (call: HelperCall, skb: number, place: FieldPlace): boolean =>
    (call.memory.view().getUint8(skb + place.offset) & place.mask) !== 0;

  const setBit = (call: HelperCall, skb: number, place: FieldPlace, on: boolean): void => {
    const view = call.memory.view();
    const rest = view.getUint8(skb + place.offset) & ~place.mask;
    view.setUint8(skb + place.offset, on ? rest | place.mask : rest);
  };

  const exchangeSegmentType = (call: HelperCall, skb: number, from: number, to: number): void => {
    const type = segments.type(call, skb);
    if (segments.any(call, skb) && (type & from) !== 0) segments.setType(call, skb, (type & ~from) | to);
  };

  /** `bpf_skb_proto_xlat`: the packet gets as much room for its network header as the other protocol's has. */
  const translate = (call: HelperCall, skb: number, to: number): number => {
    const from = skbs.protocolOf(call, skb);
    const offset = space.macHeaderLength(call, skb);
    const difference = IPV6_HLEN - IPV4_HLEN;
    if (from === ETH_P_IP && to === ETH_P_IPV6) {
      if (!space.makeHeadroom(call, skb, difference)) return -Errno.ENOMEM;
      headers.open(call, skb, offset, difference);
      exchangeSegmentType(call, skb, SegmentType.TCPV4, SegmentType.TCPV6);
    } else if (from === ETH_P_IPV6 && to === ETH_P_IP) {
      if (!headers.close(call, skb, offset, difference)) return -Errno.ENOMEM;
      exchangeSegmentType(call, skb, SegmentType.TCPV6, SegmentType.TCPV4);
    } else return -ENOTSUPP;
    skbs.setProtocol(call, skb, to);
    skbs.clearHash(call, skb);
    return 0;
  };

  /** `bpf_skb_change_proto` */
  const changeProtocol = (call: HelperCall, ...args: number[]): number => {
    const [pointer, raw, flags, flagsHigh] = args as [number, number, number, number];
    const skb = pointer >>> 0;
    if (flags !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    // In network order.
    const result = translate(call, skb, ((raw & 0xff) << 8) | ((raw >>> 8) & 0xff));
    space.computePointers(call, skb);
    return result;
  };

  /** Whether the size of a packet's segments may not follow a change of its headers: only TCP counts bytes. */
  const isRigid = (call: HelperCall, skb: number, flags: number): boolean => {
    if (!segments.any(call, skb)) return false;
    const type = segments.type(call, skb);
    if ((type & (SegmentType.TCPV4 | SegmentType.TCPV6)) !== 0) return false;
    return (type & SegmentType.UDP_L4) === 0 || (flags & Flag.FIXED_GSO) === 0;
  };

  /** Why a packet cannot be put into a tunnel; 0 where it can. */
  const encapsulationProblem = (call: HelperCall, skb: number, change: Adjustment): number => {
    const { flags, innerLink, by } = change;
    if (networkLength(skbs.protocolOf(call, skb)) === 0) return -ENOTSUPP;
    if ((flags & ENCAP_L3) === ENCAP_L3 || (flags & ENCAP_L4) === ENCAP_L4) return -Errno.EINVAL;
    if ((flags & Flag.ENCAP_L2_ETH) !== 0 && innerLink < ETH_HLEN) return -Errno.EINVAL;
    if (isSet(call, skb, encapsulation)) return -Errno.EALREADY;
    return innerLink > by ? -Errno.EINVAL : 0;
  };

  /** Notes what the packet's headers are inside the tunnel, and where those of the tunnel are. */
  const encapsulate = (
    call: HelperCall,
    skb: number,
    { flags, innerLink }: Adjustment,
    inner: { readonly network: number; readonly transport: number; readonly link: number },
  ): void => {
    const protocol = skbs.protocolOf(call, skb);
    const start = space.headroom(call, skb);
    space.setHeader(call, skb, space.innerMacHeader, inner.network - innerLink);
    space.setHeader(call, skb, space.innerNetworkHeader, inner.network);
    space.setHeader(call, skb, space.innerTransportHeader, inner.transport);
    const ethernet = (flags & Flag.ENCAP_L2_ETH) !== 0;
    call.memory.view().setUint16(skb + INNER_PROTOCOL, ethernet ? ETH_P_TEB : protocol);
    // ENCAP_TYPE_ETHER
    setBit(call, skb, innerProtocolType, false);
    setBit(call, skb, encapsulation, true);
    space.setHeader(call, skb, skbs.networkHeader, start + inner.link);
    const ipv6 = (flags & Flag.ENCAP_L3_IPV6) !== 0;
    if ((flags & ENCAP_L4) !== 0) {
      const length = ipv6 ? IPV6_HLEN : IPV4_HLEN;
      space.setHeader(call, skb, space.transportHeader, start + inner.link + length);
    }
    skbs.setProtocol(call, skb, ipv6 ? ETH_P_IPV6 : ETH_P_IP);
  };

  /** `bpf_skb_net_grow` */
  const grow = (call: HelperCall, skb: number, change: Adjustment): number => {
    const { offset, by, flags } = change;
    if (isRigid(call, skb, flags)) return -ENOTSUPP;
    if (!space.makeHeadroom(call, skb, by)) return -Errno.ENOMEM;
    const tunnel = (flags & ENCAP_L3) !== 0;
    const problem = tunnel ? encapsulationProblem(call, skb, change) : 0;
    if (problem !== 0) return problem;
    const inner = {
      network: space.header(call, skb, skbs.networkHeader),
      transport: space.header(call, skb, space.transportHeader),
      link: space.macHeaderLength(call, skb),
    };
    headers.open(call, skb, offset, by);
    if (tunnel) encapsulate(call, skb, change, inner);
    const added = tunnel ? segmentType(flags) : 0;
    resegment(call, skb, flags, -by, added);
    return 0;
  };

  /** `bpf_skb_net_shrink` */
  const shrink = (call: HelperCall, skb: number, { offset, by, flags }: Adjustment): number => {
    if ((flags & ~SHRINKING) !== 0) return -Errno.EINVAL;
    if (isRigid(call, skb, flags)) return -ENOTSUPP;
    if (!headers.close(call, skb, offset, by)) return -Errno.ENOMEM;
    const protocol = skbs.protocolOf(call, skb);
    if (protocol === ETH_P_IP && (flags & Flag.DECAP_L3_IPV6) !== 0) skbs.setProtocol(call, skb, ETH_P_IPV6);
    if (protocol === ETH_P_IPV6 && (flags & Flag.DECAP_L3_IPV4) !== 0) skbs.setProtocol(call, skb, ETH_P_IP);
    resegment(call, skb, flags, by, 0);
    return 0;
  };

  /** What segments hold follows the headers; whoever makes them looks at the headers first. */
  const resegment = (call: HelperCall, skb: number, flags: number, by: number, type: number): void => {
    if (!segments.any(call, skb)) return;
    segments.setType(call, skb, segments.type(call, skb) | SegmentType.DODGY | type);
    segments.forgetCount(call, skb);
    if ((flags & Flag.FIXED_GSO) === 0) segments.setSize(call, skb, segments.size(call, skb) + by);
  };

  /** `bpf_skb_adjust_room` */
  const adjustRoom = (call: HelperCall, ...args: number[]): number => {
    const [pointer, difference, mode, flags, high] = args as [number, number, number, number, number];
    const skb = pointer >>> 0;
    const by = Math.abs(difference);
    const innerLink = high >>> INNER_LINK_SHIFT;
    if ((flags & ~KNOWN) !== 0 || high << (32 - INNER_LINK_SHIFT) !== 0) return -Errno.EINVAL;
    if (by > MOST) return -Errno.EFAULT;
    const base = networkLength(skbs.protocolOf(call, skb));
    if (base === 0) return -ENOTSUPP;
    if (mode !== BpfAdjRoomMode.NET && mode !== BpfAdjRoomMode.MAC) return -ENOTSUPP;
    const link = space.macHeaderLength(call, skb);
    const offset = mode === BpfAdjRoomMode.NET ? link + base : link;
    const shrinks = difference < 0;
    const decap = flags & DECAP_L3;
    if (decap !== 0 && (!shrinks || decap === DECAP_L3)) return -Errno.EINVAL;
    let least = base;
    if (decap !== 0) least = decap === Flag.DECAP_L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;
    const length = space.length(call, skb);
    const current = (length - space.networkOffset(call, skb)) >>> 0;
    if (shrinks && (by >= current || current - by < least)) return -ENOTSUPP;
    if (!shrinks && length + by > maximum && !segments.any(call, skb)) return -ENOTSUPP;
    const change = { offset, by, flags, innerLink };
    const result = shrinks ? shrink(call, skb, change) : grow(call, skb, change);
    if (result === 0 && (flags & Flag.NO_CSUM_RESET) === 0) resetUnnecessary(call, skb);
    space.computePointers(call, skb);
    return result;
  };

  /** `__skb_reset_checksum_unnecessary` */
  const resetUnnecessary = (call: HelperCall, skb: number): void => {
    if (skbs.ipSummed(call, skb) !== CHECKSUM_UNNECESSARY) return;
    skbs.setIpSummed(call, skb, CHECKSUM_NONE);
    skbs.setCsumLevel(call, skb, 0);
  };

  return [
    hostHelper(BpfFuncId.skb_change_proto, { args: ["ptr", "i32", "i64"], result: "i32" }, changeProtocol),
    hostHelper(BpfFuncId.skb_adjust_room, { args: ["ptr", "i32", "i32", "i64"], result: "i32" }, adjustRoom),
  ];
}

/** `bpf_skb_net_base_len`: of a header without options; 0 for another protocol. */
function networkLength(protocol: number): number {
  if (protocol === ETH_P_IP) return IPV4_HLEN;
  return protocol === ETH_P_IPV6 ? IPV6_HLEN : 0;
}

/** What segments in a tunnel are. */
function segmentType(flags: number): number {
  if ((flags & Flag.ENCAP_L4_UDP) !== 0) return SegmentType.UDP_TUNNEL;
  if ((flags & Flag.ENCAP_L4_GRE) !== 0) return SegmentType.GRE;
  return (flags & Flag.ENCAP_L3_IPV6) !== 0 ? SegmentType.IPXIP6 : SegmentType.IPXIP4;
}
