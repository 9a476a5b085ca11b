import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { constantHelper, hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { sumAdd, sumSub } from "./internet-checksum.ts";
import { CHECKSUM_COMPLETE, SkBuffAccess } from "./sk-buff.ts";

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const ETH_HLEN = 14;
const VLAN_HLEN = 4;
/** `VLAN_MAX_DEPTH`, and one more. */
const MOST_TAGS = 8;
const IPV4_HLEN = 20;
const IPV6_HLEN = 40;
/** `BPF_SKB_CLOCK_TAI`, the last of three. */
const LAST_CLOCK = 2;
const NOT_ECT = 0;
const CE = 3;

/** What is noted of a packet, and in its network header, beside its bytes. */
export function skbMarkHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);
  const MAC_LENGTH = layout.offset("sk_buff.mac_len");
  const TIME = layout.offset("sk_buff.tstamp");
  const clock = layout.field("sk_buff.tstamp_type");

  /** `vlan_get_protocol`: what is behind VLAN tags; 0 where the packet ends in them. */
  const innerProtocol = (call: HelperCall, skb: number): number => {
    const view = call.memory.view();
    const length = view.getUint16(skb + MAC_LENGTH, true);
    let protocol = skbs.protocolOf(call, skb);
    let at = length === 0 ? ETH_HLEN : length - VLAN_HLEN;
    for (let tags = 1; protocol === ETH_P_8021Q || protocol === ETH_P_8021AD; tags++) {
      if (tags >= MOST_TAGS || at + VLAN_HLEN > skbs.headLength(call, skb)) return 0;
      protocol = view.getUint16(skbs.start(call, skb) + at + 2);
      at += VLAN_HLEN;
    }
    return protocol;
  };

  /** `IP_ECN_set_ce`: the checksum of the header follows. */
  const markIpv4 = (view: DataView, header: number): number => {
    const tos = view.getUint8(header + 1);
    const next = (tos + 1) & 3;
    if ((next & 2) === 0) return next === 0 ? 1 : 0;
    const sum = view.getUint16(header + 10) + 0xfffb + next;
    // csum16_add
    view.setUint16(header + 10, (sum & 0xffff) + (sum >>> 16));
    view.setUint8(header + 1, tos | CE);
    return 1;
  };

  const markIpv6 = (call: HelperCall, skb: number, header: number): number => {
    const view = call.memory.view();
    const word = view.getUint32(header, true);
    if (((view.getUint16(header) >> 4) & 3) === NOT_ECT) return 0;
    view.setUint8(header + 1, view.getUint8(header + 1) | (CE << 4));
    if (skbs.ipSummed(call, skb) === CHECKSUM_COMPLETE) {
      const sum = sumSub(view.getUint32(skb + skbs.csum, true), word);
      view.setUint32(skb + skbs.csum, sumAdd(sum, view.getUint32(header, true)), true);
    }
    return 1;
  };

  /** `bpf_skb_ecn_set_ce` */
  const markCongestion = (call: HelperCall, pointer: number): number => {
    const skb = pointer >>> 0;
    const protocol = innerProtocol(call, skb);
    const length = protocol === ETH_P_IP ? IPV4_HLEN : protocol === ETH_P_IPV6 ? IPV6_HLEN : 0;
    if (length === 0 || skbs.headLength(call, skb) < length) return 0;
    const header = skbs.header(call, skb, 1);
    if (header + length > skbs.tailPointer(call, skb)) return 0;
    return protocol === ETH_P_IP ? markIpv4(call.memory.view(), header) : markIpv6(call, skb, header);
  };

  /** `bpf_skb_set_tstamp` */
  const setTime = (call: HelperCall, pointer: number, low: number, high: number, type: number): number => {
    const skb = pointer >>> 0;
    const protocol = skbs.protocolOf(call, skb);
    if (protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return -Errno.EOPNOTSUPP;
    if (type >>> 0 > LAST_CLOCK || (type !== 0 && low === 0 && high === 0)) return -Errno.EINVAL;
    const view = call.memory.view();
    view.setInt32(skb + TIME, low, true);
    view.setInt32(skb + TIME + 4, high, true);
    const bits = view.getUint8(skb + clock.offset) & ~clock.mask;
    view.setUint8(skb + clock.offset, bits | ((type << clock.shift) & clock.mask));
    return 0;
  };

  return [
    hostHelper(BpfFuncId.skb_ecn_set_ce, { args: ["ptr"], result: "i32" }, markCongestion),
    hostHelper(BpfFuncId.skb_set_tstamp, { args: ["ptr", "i64", "i32"], result: "i32" }, setTime),
    constantHelper(BpfFuncId.get_route_realm, {
      args: ["ptr"],
      result: "u32",
      always: 0,
      here: "There are no routes, and no realms of them.",
    }),
    constantHelper(BpfFuncId.skb_cgroup_classid, {
      args: ["ptr"],
      result: "i64",
      always: 0,
      here: "Every socket is in the root of the hierarchy net_cls.",
    }),
    constantHelper(
      BpfFuncId.skb_get_xfrm_state,
      {
        args: ["ptr", "i32", "ptr", "i32", "i64"],
        result: "i32",
        always: -Errno.EINVAL,
        here: "No packet was decrypted.",
      },
      (call, _skb, _index, to, size) => {
        call.memory.bytes().fill(0, to! >>> 0, (to! >>> 0) + (size! >>> 0));
        return undefined;
      },
    ),
  ];
}
