import type { KernelLayout } from "../platform/index.ts";
import type { HelperCall } from "./helper.ts";
import { SkbSpace } from "./skb-space.ts";

/** Room between the headers of a packet: it begins at its MAC header, which moves. */
export class SkbHeaders {
  readonly space: SkbSpace;

  constructor(layout: KernelLayout) {
    this.space = new SkbSpace(layout);
  }

  /** `bpf_skb_net_hdr_push`: zeros behind the first `offset` bytes. There is headroom for them. */
  open(call: HelperCall, skb: number, offset: number, length: number): void {
    const { space } = this;
    const from = space.skbs.start(call, skb);
    const to = from - length;
    space.push(call, skb, length);
    const bytes = call.memory.bytes();
    bytes.copyWithin(to, from, from + offset);
    bytes.fill(0, to + offset, to + offset + length);
    this.#move(call, skb, -length);
  }

  /**
   * `bpf_skb_net_hdr_pop`: takes bytes out behind the first `offset` ones.
   *
   * @returns false where the packet has not so many.
   */
  close(call: HelperCall, skb: number, offset: number, length: number): boolean {
    const { space } = this;
    if (offset + length > space.skbs.headLength(call, skb)) return false;
    const from = space.skbs.start(call, skb);
    space.push(call, skb, -length);
    space.takeFromSum(call, skb, from + offset, length);
    call.memory.bytes().copyWithin(from + length, from, from + offset);
    this.#move(call, skb, length);
    return true;
  }

  #move(call: HelperCall, skb: number, by: number): void {
    const { space } = this;
    const { macHeader, networkHeader } = space.skbs;
    const together =
      space.header(call, skb, space.transportHeader) === space.header(call, skb, networkHeader);
    space.moveHeader(call, skb, macHeader, by);
    space.moveHeader(call, skb, networkHeader, by);
    if (together) {
      space.setHeader(call, skb, space.transportHeader, space.header(call, skb, networkHeader));
    }
  }
}
