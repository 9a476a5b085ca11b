/**
 * Linux's ancillary loads: an absolute load at `SKF_AD_OFF` + n reads no packet bytes but a property of the packet
 * (`struct sk_buff`), of the CPU or of nothing (linux/filter.h, `bpf_anc_helper()`).
 */

/** Absolute loads from here on are ancillary: -0x1000 as an unsigned number. */
export const SKF_AD_OFF = 0xffff_f000;

/** Negative offsets from here on count from the network header: -0x100000. */
export const SKF_NET_OFF = -0x10_0000;

/** Negative offsets from here on, below {@link SKF_NET_OFF}, count from the link-layer header: -0x200000. */
export const SKF_LL_OFF = -0x20_0000;

export type AncillaryName =
  | "protocol"
  | "pkttype"
  | "ifindex"
  | "nlattr"
  | "nlattr_nest"
  | "mark"
  | "queue"
  | "hatype"
  | "rxhash"
  | "cpu"
  | "alu_xor_x"
  | "vlan_tag"
  | "vlan_tag_present"
  | "pay_offset"
  | "random"
  | "vlan_tpid";

export interface AncillaryOp {
  /** The kernel's name, lower case and without `SKF_AD_`. */
  readonly name: AncillaryName;
  /** Distance from {@link SKF_AD_OFF}. */
  readonly offset: number;
  /** libpcap's name, inside brackets: `ldb [vlanp]`. */
  readonly libpcap: string;
  /** bpf_asm's names, the usual one first: `ld vlan_tci`. Empty where it has none. */
  readonly asm: readonly string[];
}

function row(offset: number, name: AncillaryName, libpcap: string, ...asm: string[]): AncillaryOp {
  return { name, offset, libpcap, asm };
}

/** All of them, by offset. */
export const ANCILLARY_OPS: readonly AncillaryOp[] = [
  row(0, "protocol", "proto", "proto"),
  row(4, "pkttype", "type", "type"),
  row(8, "ifindex", "ifidx", "ifidx"),
  row(12, "nlattr", "nla", "nla"),
  row(16, "nlattr_nest", "nlan", "nlan"),
  row(20, "mark", "mark", "mark"),
  row(24, "queue", "queue", "queue"),
  row(28, "hatype", "hatype", "hatype"),
  row(32, "rxhash", "rxhash", "rxhash"),
  row(36, "cpu", "cpu", "cpu"),
  row(40, "alu_xor_x", "xor_x"),
  row(44, "vlan_tag", "vlan_tci", "vlan_tci"),
  row(48, "vlan_tag_present", "vlanp", "vlan_avail", "vlan_pr"),
  row(52, "pay_offset", "poff", "poff"),
  row(56, "random", "random", "rand"),
  row(60, "vlan_tpid", "vlan_tpid", "vlan_tpid"),
];

/** The ancillary data that an absolute load at `k` reads, or `undefined` where it reads packet bytes. */
export function ancillaryOf(k: number): AncillaryOp | undefined {
  const offset = (k >>> 0) - SKF_AD_OFF;
  return offset >= 0 && offset % 4 === 0 ? ANCILLARY_OPS[offset / 4] : undefined;
}
