import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import type { HelperCall } from "./helper.ts";

/** The most that an offset or a length may be (`bpf_xdp_pointer`). */
const MOST = 0xffff;

const PAGE = 4096;
const CACHE_LINE = 64;

/** Of `skb_frag_t.offset`: how many bytes at the beginning are no part of the packet any more. */
export const FRAGMENT_OFFSET = 12;

/** `XDP_FLAGS_HAS_FRAGS` */
export const XDP_HAS_FRAGMENTS = 1;

/** Bytes of a packet. */
interface Part {
  readonly offset: number;
  readonly length: number;
}

/** One way of copying: `load` out of the packet, `store` into it. */
type Direction = "load" | "store";

/**
 * Members of `struct xdp_buff`, and the bytes of its packet: in one piece, and what does not fit there in fragments of a
 * page each. Those lie one behind the other, at the address that the first of them has in `struct skb_shared_info`.
 */
export class XdpBuffAccess {
  readonly data: number;
  readonly dataEnd: number;
  readonly dataMeta: number;
  readonly hardStart: number;
  readonly frameSize: number;
  /** Bytes behind the packet that its `struct skb_shared_info` takes. */
  readonly tailroom: number;
  readonly #flags: number;
  readonly #count: number;
  readonly #fragmentsSize: number;
  readonly #fragments: number;

  constructor(layout: KernelLayout) {
    this.data = layout.offset("xdp_buff.data");
    this.dataEnd = layout.offset("xdp_buff.data_end");
    this.dataMeta = layout.offset("xdp_buff.data_meta");
    this.hardStart = layout.offset("xdp_buff.data_hard_start");
    this.frameSize = layout.offset("xdp_buff.frame_sz");
    this.tailroom = (layout.sizeOf("skb_shared_info") + CACHE_LINE - 1) & -CACHE_LINE;
    this.#flags = layout.offset("xdp_buff.flags");
    this.#count = layout.offset("skb_shared_info.nr_frags");
    this.#fragmentsSize = layout.offset("skb_shared_info.xdp_frags_size");
    this.#fragments = layout.offset("skb_shared_info.frags");
  }

  /** Offsets of the packet's first byte, of what is behind its last one, and of its metadata. */
  pointers(view: DataView, xdp: number): [start: number, end: number, meta: number] {
    return [
      view.getUint32(xdp + this.data, true),
      view.getUint32(xdp + this.dataEnd, true),
      view.getUint32(xdp + this.dataMeta, true),
    ];
  }

  /** `xdp_buff_has_frags` */
  hasFragments(view: DataView, xdp: number): boolean {
    return (view.getUint32(xdp + this.#flags, true) & XDP_HAS_FRAGMENTS) !== 0;
  }

  /** Bytes in fragments. */
  fragmented(view: DataView, xdp: number): number {
    return this.hasFragments(view, xdp)
      ? view.getUint32(this.#shared(view, xdp) + this.#fragmentsSize, true)
      : 0;
  }

  /** Notes how many bytes there are in fragments; none: it has none any more. */
  setFragmented(view: DataView, xdp: number, size: number): void {
    const shared = this.#shared(view, xdp);
    view.setUint32(shared + this.#fragmentsSize, size, true);
    view.setUint8(shared + this.#count, Math.ceil((this.#gone(view, xdp) + size) / PAGE));
    if (size === 0)
      view.setUint32(xdp + this.#flags, view.getUint32(xdp + this.#flags, true) & ~XDP_HAS_FRAGMENTS, true);
  }

  /** `bpf_xdp_frags_increase_tail`: the last fragment becomes longer, within its page. EINVAL. */
  growFragments(call: HelperCall, xdp: number, by: number): number {
    const view = call.memory.view();
    const size = this.fragmented(view, xdp);
    if (by > (PAGE - ((this.#gone(view, xdp) + size) % PAGE)) % PAGE) return -Errno.EINVAL;
    const block = this.#block(view, xdp);
    call.memory.bytes().fill(0, block + size, block + size + by);
    this.setFragmented(view, xdp, size + by);
    return 0;
  }

  /** Moves bytes of the fragments, the first first, to the end of what is in one piece. */
  pull(call: HelperCall, xdp: number, count: number): void {
    const view = call.memory.view();
    const [, end] = this.pointers(view, xdp);
    const [size, block] = [this.fragmented(view, xdp), this.#block(view, xdp)];
    call.memory.bytes().copyWithin(end, block, block + count);
    view.setUint32(xdp + this.dataEnd, end + count, true);
    const gone = this.#gone(view, xdp) + count;
    view.setUint32(this.#shared(view, xdp) + this.#fragments + FRAGMENT_OFFSET, gone, true);
    this.setFragmented(view, xdp, size - count);
  }

  /** `xdp_get_buff_len` */
  length(call: HelperCall, xdp: number): number {
    const view = call.memory.view();
    const [start, end] = this.pointers(view, xdp);
    return end - start + this.fragmented(view, xdp);
  }

  /** `bpf_xdp_pointer`: the offset of `length` bytes of the packet; 0 where they are not in one piece. EFAULT, EINVAL. */
  at(call: HelperCall, xdp: number, offset: number, length: number): number {
    if (offset > MOST || length > MOST) return -Errno.EFAULT;
    if (offset + length > this.length(call, xdp)) return -Errno.EINVAL;
    const view = call.memory.view();
    const [start, end] = this.pointers(view, xdp);
    const linear = end - start;
    if (offset < linear || !this.hasFragments(view, xdp))
      return offset + length <= linear ? start + offset : 0;
    const rest = offset - linear;
    const inPage = (this.#gone(view, xdp) + rest) % PAGE;
    const left = Math.min(PAGE - inPage, this.fragmented(view, xdp) - rest);
    return length <= left ? this.#block(view, xdp) + rest : 0;
  }

  /** `bpf_xdp_load_bytes`, `bpf_xdp_store_bytes`. EFAULT, EINVAL. */
  copy(call: HelperCall, xdp: number, part: Part, other: number, direction: Direction): number {
    const place = this.at(call, xdp, part.offset, part.length);
    if (place < 0) return place;
    this.copyAll(call, xdp, part, other, direction);
    return 0;
  }

  /** `bpf_xdp_copy_buf`: as many of the bytes as there are, wherever they lie. */
  copyAll(
    call: HelperCall,
    xdp: number,
    { offset, length }: Part,
    other: number,
    direction: Direction,
  ): void {
    const view = call.memory.view();
    const [start, end] = this.pointers(view, xdp);
    const linear = end - start;
    const first = Math.max(Math.min(length, linear - offset), 0);
    const move = (place: number, at: number, count: number) => {
      const [from, to] = direction === "load" ? [place, at] : [at, place];
      call.memory.bytes().copyWithin(to, from, from + count);
    };
    if (first > 0) move(start + offset, other, first);
    const rest = Math.max(offset - linear, 0);
    const second = Math.min(length - first, this.fragmented(view, xdp) - rest);
    if (second > 0) move(this.#block(view, xdp) + rest, other + first, second);
  }

  /** The first bytes of the packet, as many as there are in `to`: no more than the packet has. */
  read(call: HelperCall, xdp: number, to: Uint8Array): void {
    const view = call.memory.view();
    const bytes = call.memory.bytes();
    const [start, end] = this.pointers(view, xdp);
    const first = Math.min(to.length, end - start);
    to.set(bytes.subarray(start, start + first));
    if (first === to.length) return;
    const block = this.#block(view, xdp);
    to.set(bytes.subarray(block, block + to.length - first), first);
  }

  #shared(view: DataView, xdp: number): number {
    return (
      view.getUint32(xdp + this.hardStart, true) + view.getUint32(xdp + this.frameSize, true) - this.tailroom
    );
  }

  /** Where the bytes of the fragments are: behind those of the first one that were pulled out of it. */
  #block(view: DataView, xdp: number): number {
    return view.getUint32(this.#shared(view, xdp) + this.#fragments, true) + this.#gone(view, xdp);
  }

  #gone(view: DataView, xdp: number): number {
    return view.getUint32(this.#shared(view, xdp) + this.#fragments + FRAGMENT_OFFSET, true);
  }
}
