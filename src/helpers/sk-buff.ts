import type { FieldPlace, KernelLayout } from "../platform/index.ts";
import type { HelperCall } from "./helper.ts";

/** `CHECKSUM_NONE` and its kin */
export const CHECKSUM_NONE = 0;
export const CHECKSUM_UNNECESSARY = 1;
export const CHECKSUM_COMPLETE = 2;
export const CHECKSUM_PARTIAL = 3;

/** Members of `struct sk_buff` that helpers use, at the places that a kernel's BTF says. */
export class SkBuffAccess {
  readonly len: number;
  readonly dataLen: number;
  readonly head: number;
  readonly data: number;
  readonly tail: number;
  readonly end: number;
  readonly csum: number;
  readonly hash: number;
  readonly networkHeader: number;
  readonly macHeader: number;
  readonly protocol: number;
  readonly sk: number;
  readonly #ipSummed: FieldPlace;
  readonly #csumLevel: FieldPlace;
  readonly #softwareHash: FieldPlace;
  readonly #transportHash: FieldPlace;

  constructor(layout: KernelLayout) {
    const at = (member: string) => layout.offset(`sk_buff.${member}`);
    this.len = at("len");
    this.dataLen = at("data_len");
    this.head = at("head");
    this.data = at("data");
    this.tail = at("tail");
    this.end = at("end");
    this.csum = at("csum");
    this.hash = at("hash");
    this.networkHeader = at("network_header");
    this.macHeader = at("mac_header");
    this.protocol = at("protocol");
    this.sk = at("sk");
    this.#ipSummed = layout.field("sk_buff.ip_summed");
    this.#csumLevel = layout.field("sk_buff.csum_level");
    this.#softwareHash = layout.field("sk_buff.sw_hash");
    this.#transportHash = layout.field("sk_buff.l4_hash");
  }

  /** Offset of the packet's first byte. */
  start(call: HelperCall, skb: number): number {
    return call.memory.view().getUint32(skb + this.data, true);
  }

  /** Bytes in the linear part: all, as packets have no fragments here. */
  headLength(call: HelperCall, skb: number): number {
    const view = call.memory.view();
    return view.getUint32(skb + this.len, true) - view.getUint32(skb + this.dataLen, true);
  }

  /** Offset behind the last byte of the linear part. */
  tailPointer(call: HelperCall, skb: number): number {
    const view = call.memory.view();
    return view.getUint32(skb + this.head, true) + view.getUint32(skb + this.tail, true);
  }

  /** Offset of the MAC (0) or network header (1), as `bpf_hdr_start` counts. */
  header(call: HelperCall, skb: number, which: 0 | 1): number {
    const view = call.memory.view();
    const member = which === 0 ? this.macHeader : this.networkHeader;
    return view.getUint32(skb + this.head, true) + view.getUint16(skb + member, true);
  }

  /** `skb->protocol`, in host order. */
  protocolOf(call: HelperCall, skb: number): number {
    return call.memory.view().getUint16(skb + this.protocol);
  }

  /** @param protocol in host order */
  setProtocol(call: HelperCall, skb: number, protocol: number): void {
    call.memory.view().setUint16(skb + this.protocol, protocol);
  }

  ipSummed(call: HelperCall, skb: number): number {
    return bits(call, skb, this.#ipSummed);
  }

  setIpSummed(call: HelperCall, skb: number, value: number): void {
    setBits(call, skb, this.#ipSummed, value);
  }

  csumLevel(call: HelperCall, skb: number): number {
    return bits(call, skb, this.#csumLevel);
  }

  setCsumLevel(call: HelperCall, skb: number, value: number): void {
    setBits(call, skb, this.#csumLevel, value);
  }

  hasHash(call: HelperCall, skb: number): boolean {
    return bits(call, skb, this.#softwareHash) !== 0 || bits(call, skb, this.#transportHash) !== 0;
  }

  /** `__skb_set_sw_hash`; `transport`: it counts ports too. */
  setHash(call: HelperCall, skb: number, hash: number, transport: boolean): void {
    call.memory.view().setUint32(skb + this.hash, hash, true);
    setBits(call, skb, this.#softwareHash, 1);
    setBits(call, skb, this.#transportHash, transport ? 1 : 0);
  }

  /** `skb_clear_hash` */
  clearHash(call: HelperCall, skb: number): void {
    call.memory.view().setUint32(skb + this.hash, 0, true);
    setBits(call, skb, this.#softwareHash, 0);
    setBits(call, skb, this.#transportHash, 0);
  }
}

function bits(call: HelperCall, object: number, { offset, shift, mask }: FieldPlace): number {
  return (call.memory.view().getUint8(object + offset) & mask) >> shift;
}

function setBits(call: HelperCall, object: number, { offset, shift, mask }: FieldPlace, value: number): void {
  const view = call.memory.view();
  const rest = view.getUint8(object + offset) & ~mask;
  view.setUint8(object + offset, rest | ((value << shift) & mask));
}
