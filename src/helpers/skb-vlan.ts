import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { SkbSpace } from "./skb-space.ts";

const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const ETH_P_802_3 = 0x0001;
const ETH_P_802_2 = 0x0004;
/** The lowest EtherType: below it the field is a length. */
const ETH_P_802_3_MIN = 0x0600;
const ETH_HLEN = 14;
/** Two MAC addresses: where a tag goes. */
const ADDRESSES = 12;
const VLAN_HLEN = 4;

/**
 * Tags of VLANs. The outermost one is beside the packet, in `vlan_proto` and `vlan_tci`, as if the device put it in; those
 * behind it are in the packet.
 */
export function skbVlanHelpers(layout: KernelLayout): readonly Helper[] {
  const space = new SkbSpace(layout);
  const { skbs } = space;
  const TAG = layout.offset("sk_buff.vlan_all");
  const TAG_PROTOCOL = layout.offset("sk_buff.vlan_proto");
  const TAG_CONTROL = layout.offset("sk_buff.vlan_tci");

  const hasTag = (call: HelperCall, skb: number): boolean => call.memory.view().getUint32(skb + TAG) !== 0;

  const setTag = (call: HelperCall, skb: number, protocol: number, control: number): void => {
    const view = call.memory.view();
    view.setUint16(skb + TAG_PROTOCOL, protocol);
    view.setUint16(skb + TAG_CONTROL, control, true);
  };

  const beginsAtMacHeader = (call: HelperCall, skb: number): boolean =>
    skbs.start(call, skb) === skbs.header(call, skb, 0);

  /** `__vlan_insert_tag`: puts the tag beside the packet into it. ENOMEM, EINVAL. */
  const insertTag = (call: HelperCall, skb: number): number => {
    if (!beginsAtMacHeader(call, skb)) return -Errno.EINVAL;
    if (!space.makeHeadroom(call, skb, VLAN_HLEN)) return -Errno.ENOMEM;
    const view = call.memory.view();
    const from = skbs.start(call, skb);
    const to = from - VLAN_HLEN;
    space.push(call, skb, VLAN_HLEN);
    call.memory.bytes().copyWithin(to, from, from + ADDRESSES);
    const protocol = view.getUint16(skb + TAG_PROTOCOL);
    view.setUint16(to + ADDRESSES, protocol);
    view.setUint16(to + ADDRESSES + 2, view.getUint16(skb + TAG_CONTROL, true));
    space.moveHeader(call, skb, skbs.macHeader, -VLAN_HLEN);
    space.moveHeader(call, skb, skbs.networkHeader, -VLAN_HLEN);
    skbs.setProtocol(call, skb, protocol);
    space.addToSum(call, skb, to + ADDRESSES, VLAN_HLEN);
    return 0;
  };

  /** `__skb_vlan_pop`: takes a tag out of the packet. @returns its control information, or ENOMEM, EINVAL. */
  const removeTag = (call: HelperCall, skb: number): number => {
    if (!beginsAtMacHeader(call, skb)) return -Errno.EINVAL;
    if (skbs.headLength(call, skb) < ETH_HLEN + VLAN_HLEN) return -Errno.ENOMEM;
    const view = call.memory.view();
    const from = skbs.start(call, skb);
    space.takeFromSum(call, skb, from + ADDRESSES, VLAN_HLEN);
    const control = view.getUint16(from + ETH_HLEN);
    call.memory.bytes().copyWithin(from + VLAN_HLEN, from, from + ADDRESSES);
    skbs.setProtocol(call, skb, encapsulated(view, from + ETH_HLEN + 2));
    space.push(call, skb, -VLAN_HLEN);
    space.moveHeader(call, skb, skbs.macHeader, VLAN_HLEN);
    if (space.networkOffset(call, skb) < ETH_HLEN) {
      space.setHeader(call, skb, skbs.networkHeader, space.headroom(call, skb) + ETH_HLEN);
    }
    space.resetMacLength(call, skb);
    return control;
  };

  /** `skb_vlan_push` */
  const push = (call: HelperCall, skb: number, protocol: number, control: number): number => {
    const result = hasTag(call, skb) ? insertTag(call, skb) : 0;
    if (result === 0) setTag(call, skb, protocol, control);
    return result;
  };

  /** `skb_vlan_pop`: the next tag takes the place of the one that goes. */
  const pop = (call: HelperCall, skb: number): number => {
    if (hasTag(call, skb)) setTag(call, skb, 0, 0);
    else if (!isVlan(skbs.protocolOf(call, skb))) return 0;
    else {
      const removed = removeTag(call, skb);
      if (removed < 0) return removed;
    }
    const protocol = skbs.protocolOf(call, skb);
    if (!isVlan(protocol)) return 0;
    const next = removeTag(call, skb);
    if (next < 0) return next;
    setTag(call, skb, protocol, next);
    return 0;
  };

  const around = (call: HelperCall, skb: number, act: () => number): number => {
    space.addMacHeader(call, skb);
    const result = act();
    space.takeMacHeader(call, skb);
    return result;
  };

  /** `bpf_skb_vlan_push` */
  const vlanPush = (call: HelperCall, ...args: number[]): number => {
    const [pointer, raw, control] = args as [number, number, number];
    const skb = pointer >>> 0;
    // In network order.
    const given = ((raw & 0xff) << 8) | ((raw >>> 8) & 0xff);
    const protocol = isVlan(given) ? given : ETH_P_8021Q;
    const result = around(call, skb, () => push(call, skb, protocol, control & 0xffff));
    space.resetMacLength(call, skb);
    space.computePointers(call, skb);
    return result;
  };

  /** `bpf_skb_vlan_pop` */
  const vlanPop = (call: HelperCall, pointer: number): number => {
    const skb = pointer >>> 0;
    const result = around(call, skb, () => pop(call, skb));
    space.computePointers(call, skb);
    return result;
  };

  return [
    hostHelper(BpfFuncId.skb_vlan_push, { args: ["ptr", "i32", "i32"], result: "i32" }, vlanPush),
    hostHelper(BpfFuncId.skb_vlan_pop, { args: ["ptr"], result: "i32" }, vlanPop),
  ];
}

/** `eth_type_vlan` */
function isVlan(protocol: number): boolean {
  return protocol === ETH_P_8021Q || protocol === ETH_P_8021AD;
}

/** `vlan_set_encap_proto`: what the EtherType at an offset stands for. */
function encapsulated(view: DataView, at: number): number {
  const type = view.getUint16(at);
  if (type >= ETH_P_802_3_MIN) return type;
  return view.getUint16(at + 2) === 0xffff ? ETH_P_802_3 : ETH_P_802_2;
}
