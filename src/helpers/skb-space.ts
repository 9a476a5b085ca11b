import type { FieldPlace, KernelLayout } from "../platform/index.ts";
import type { HelperCall } from "./helper.ts";
import { sumAdd, sumBytes } from "./internet-checksum.ts";
import { CHECKSUM_COMPLETE, CHECKSUM_NONE, CHECKSUM_PARTIAL, SkBuffAccess } from "./sk-buff.ts";

/** `NET_SKB_PAD` */
const HEADROOM_UNIT = 64;

/** What the offset of a header is that nobody has set. */
const UNSET = 0xffff;

/** The ends of a packet inside its block of memory, and where its headers are. */
export class SkbSpace {
  readonly skbs: SkBuffAccess;
  readonly macLength: number;
  readonly transportHeader: number;
  readonly innerTransportHeader: number;
  readonly innerNetworkHeader: number;
  readonly innerMacHeader: number;
  readonly #cb: number;
  readonly #dataMeta: number;
  readonly #dataEnd: number;
  readonly #sumStart: number;
  readonly #sumOffset: number;
  readonly #atIngress: FieldPlace | null;

  constructor(layout: KernelLayout) {
    const at = (member: string) => layout.offset(`sk_buff.${member}`);
    this.skbs = new SkBuffAccess(layout);
    this.macLength = at("mac_len");
    this.transportHeader = at("transport_header");
    this.innerTransportHeader = at("inner_transport_header");
    this.innerNetworkHeader = at("inner_network_header");
    this.innerMacHeader = at("inner_mac_header");
    this.#cb = at("cb");
    this.#dataMeta = layout.offset("bpf_skb_data_end.data_meta");
    this.#dataEnd = layout.offset("bpf_skb_data_end.data_end");
    this.#sumStart = at("csum_start");
    this.#sumOffset = at("csum_offset");
    this.#atIngress = layout.find("sk_buff.tc_at_ingress");
  }

  length(call: HelperCall, skb: number): number {
    return call.memory.view().getUint32(skb + this.skbs.len, true);
  }

  headroom(call: HelperCall, skb: number): number {
    return this.skbs.start(call, skb) - this.#head(call, skb);
  }

  /** Bytes from the packet's first one to its network header; fewer than 0 where it begins behind it. */
  networkOffset(call: HelperCall, skb: number): number {
    return this.header(call, skb, this.skbs.networkHeader) - this.headroom(call, skb);
  }

  /** `skb_mac_header_len` */
  macHeaderLength(call: HelperCall, skb: number): number {
    const { networkHeader, macHeader } = this.skbs;
    return this.header(call, skb, networkHeader) - this.header(call, skb, macHeader);
  }

  /** Where a header is, from the start of the block; `member` as an offset in `struct sk_buff`. */
  header(call: HelperCall, skb: number, member: number): number {
    return call.memory.view().getUint16(skb + member, true);
  }

  setHeader(call: HelperCall, skb: number, member: number, value: number): void {
    call.memory.view().setUint16(skb + member, value, true);
  }

  moveHeader(call: HelperCall, skb: number, member: number, by: number): void {
    this.setHeader(call, skb, member, this.header(call, skb, member) + by);
  }

  isSet(call: HelperCall, skb: number, member: number): boolean {
    return this.header(call, skb, member) !== UNSET;
  }

  /** `skb_reset_mac_len` */
  resetMacLength(call: HelperCall, skb: number): void {
    this.setHeader(call, skb, this.macLength, this.macHeaderLength(call, skb));
  }

  /** Makes the packet longer in front, by what is there (`skb_push`), or shorter where `by` is below 0 (`__skb_pull`). */
  push(call: HelperCall, skb: number, by: number): void {
    const { data, len } = this.skbs;
    const view = call.memory.view();
    view.setUint32(skb + data, view.getUint32(skb + data, true) - by, true);
    view.setUint32(skb + len, view.getUint32(skb + len, true) + by, true);
  }

  /**
   * `skb_cow`, within the block that the packet lies in: moves it towards the end where there is too little room in front.
   *
   * @returns false where there is none behind it either.
   */
  makeHeadroom(call: HelperCall, skb: number, wanted: number): boolean {
    const { skbs } = this;
    const room = this.headroom(call, skb);
    if (room >= wanted) return true;
    const view = call.memory.view();
    const by = Math.ceil((wanted - room) / HEADROOM_UNIT) * HEADROOM_UNIT;
    const tail = view.getUint32(skb + skbs.tail, true);
    if (tail + by > view.getUint32(skb + skbs.end, true)) return false;
    const head = this.#head(call, skb);
    call.memory.bytes().copyWithin(head + by, head, head + tail);
    view.setUint32(skb + skbs.data, head + room + by, true);
    view.setUint32(skb + skbs.tail, tail + by, true);
    // skb_headers_offset_update: only of the MAC header it matters whether it was set.
    this.moveHeader(call, skb, this.transportHeader, by);
    this.moveHeader(call, skb, skbs.networkHeader, by);
    if (this.isSet(call, skb, skbs.macHeader)) this.moveHeader(call, skb, skbs.macHeader, by);
    this.moveHeader(call, skb, this.innerTransportHeader, by);
    this.moveHeader(call, skb, this.innerNetworkHeader, by);
    this.moveHeader(call, skb, this.innerMacHeader, by);
    if (skbs.ipSummed(call, skb) === CHECKSUM_PARTIAL) this.moveHeader(call, skb, this.#sumStart, by);
    return true;
  }

  /**
   * `__skb_set_length`: ends the packet after so many bytes.
   *
   * @returns false where the block is too short.
   */
  setLength(call: HelperCall, skb: number, length: number): boolean {
    const { skbs } = this;
    const view = call.memory.view();
    const tail = this.headroom(call, skb) + length;
    if (tail > view.getUint32(skb + skbs.end, true)) return false;
    view.setUint32(skb + skbs.tail, tail, true);
    view.setUint32(skb + skbs.len, length, true);
    return true;
  }

  /** `bpf_compute_data_pointers` */
  computePointers(call: HelperCall, skb: number): void {
    const view = call.memory.view();
    const data = this.skbs.start(call, skb);
    view.setUint32(skb + this.#cb + this.#dataMeta, data, true);
    view.setUint32(skb + this.#cb + this.#dataEnd, data + this.skbs.headLength(call, skb), true);
  }

  /** `skb_checksum_start_offset` */
  sumStart(call: HelperCall, skb: number): number {
    return this.header(call, skb, this.#sumStart) - this.headroom(call, skb);
  }

  sumOffset(call: HelperCall, skb: number): number {
    return this.header(call, skb, this.#sumOffset);
  }

  /** `skb_postpush_rcsum`: bytes have come to the packet. */
  addToSum(call: HelperCall, skb: number, at: number, length: number): void {
    const { skbs } = this;
    if (skbs.ipSummed(call, skb) !== CHECKSUM_COMPLETE) return;
    const view = call.memory.view();
    const sum = sumAdd(view.getUint32(skb + skbs.csum, true), sumBytes(view, at, length, 0));
    view.setUint32(skb + skbs.csum, sum, true);
  }

  /** `skb_postpull_rcsum`: bytes have gone from the packet. */
  takeFromSum(call: HelperCall, skb: number, at: number, length: number): void {
    const { skbs } = this;
    const view = call.memory.view();
    const summed = skbs.ipSummed(call, skb);
    if (summed === CHECKSUM_COMPLETE) {
      const sum = ~sumBytes(view, at, length, ~view.getUint32(skb + skbs.csum, true));
      view.setUint32(skb + skbs.csum, sum, true);
    } else if (summed === CHECKSUM_PARTIAL && this.sumStart(call, skb) < 0) {
      skbs.setIpSummed(call, skb, CHECKSUM_NONE);
    }
  }

  /** `bpf_push_mac_rcsum`: at ingress, sums are without the MAC header; this counts it. */
  addMacHeader(call: HelperCall, skb: number): void {
    if (this.#isAtIngress(call, skb)) {
      this.addToSum(call, skb, this.skbs.header(call, skb, 0), this.header(call, skb, this.macLength));
    }
  }

  /** `bpf_pull_mac_rcsum` */
  takeMacHeader(call: HelperCall, skb: number): void {
    if (this.#isAtIngress(call, skb)) {
      this.takeFromSum(call, skb, this.skbs.header(call, skb, 0), this.header(call, skb, this.macLength));
    }
  }

  #isAtIngress(call: HelperCall, skb: number): boolean {
    const place = this.#atIngress;
    return place !== null && (call.memory.view().getUint8(skb + place.offset) & place.mask) !== 0;
  }

  #head(call: HelperCall, skb: number): number {
    return call.memory.view().getUint32(skb + this.skbs.head, true);
  }
}
