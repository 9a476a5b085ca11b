import { KERNEL_BASE_HIGH } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import type { HelperCall } from "./helper.ts";
import { SkbBytes } from "./skb-bytes.ts";
import { XdpBuffAccess } from "./xdp-buff.ts";

/** `enum bpf_dynptr_type` */
export const DynptrType = { LOCAL: 1, RINGBUF: 2, SKB: 3, XDP: 4, SKB_META: 5 } as const;
export type DynptrType = (typeof DynptrType)[keyof typeof DynptrType];

/**
 * `struct bpf_dynptr_kern`, on the stack of the program.
 *
 * ```text
 *   0                                8           11      12
 *  +--------------------------------+-----------+-------+----------------+
 *  | data: address, or NULL         | size: u24 | kind  | offset: u32    |
 *  +--------------------------------+-----------+-------+----------------+
 * ```
 *
 * `kind` is the type in its upper four bits but the highest, which says that the data may not be written.
 */
export const DynptrField = { DATA: 0, DATA_HIGH: 4, SIZE: 8, OFFSET: 12, BYTES: 16 } as const;

export const DYNPTR_TYPE_SHIFT = 28;
const SIZE_MASK = 0xff_ffff;
const READ_ONLY = 0x8000_0000 | 0;

/** `DYNPTR_MAX_SIZE` */
export const DYNPTR_MAX_SIZE = SIZE_MASK;

/** A dynptr that says where something is. */
export interface Dynptr {
  readonly type: DynptrType;
  /** What the data belongs to: itself, or its packet. */
  readonly data: number;
  readonly size: number;
  readonly offset: number;
  readonly readOnly: boolean;
}

/** What a dynptr in memory says; null where it is a null one. */
export function dynptrAt(call: HelperCall, at: number): Dynptr | null {
  const view = call.memory.view();
  const data = view.getUint32(at + DynptrField.DATA, true);
  if (data === 0) return null;
  const word = view.getInt32(at + DynptrField.SIZE, true);
  return {
    type: ((word & ~READ_ONLY) >>> DYNPTR_TYPE_SHIFT) as DynptrType,
    data,
    size: word & SIZE_MASK,
    offset: view.getUint32(at + DynptrField.OFFSET, true),
    readOnly: (word & READ_ONLY) !== 0,
  };
}

/** `bpf_dynptr_init`, `bpf_dynptr_set_rdonly` */
export function putDynptr(
  call: HelperCall,
  at: number,
  { type, data, size, offset, readOnly }: Dynptr,
): void {
  const view = call.memory.view();
  view.setUint32(at + DynptrField.DATA, data, true);
  view.setInt32(at + DynptrField.DATA_HIGH, KERNEL_BASE_HIGH, true);
  view.setInt32(at + DynptrField.SIZE, size | (type << DYNPTR_TYPE_SHIFT) | (readOnly ? READ_ONLY : 0), true);
  view.setUint32(at + DynptrField.OFFSET, offset, true);
}

/** `bpf_dynptr_set_null` */
export function clearDynptr(call: HelperCall, at: number): void {
  call.memory.bytes().fill(0, at, at + DynptrField.BYTES);
}

/** `bpf_dynptr_check_off_len` */
export function dynptrHas({ size }: Dynptr, offset: number, length: number): boolean {
  return length <= size && offset <= size - length;
}

/** The data that dynptrs lead to, whatever it is in. Offsets and lengths are unsigned. */
export class DynptrData {
  readonly packets: SkbBytes;
  readonly buffs: XdpBuffAccess;
  readonly #metaLength: number;

  constructor(layout: KernelLayout) {
    this.packets = new SkbBytes(layout);
    this.buffs = new XdpBuffAccess(layout);
    this.#metaLength = layout.offset("skb_shared_info.meta_len");
  }

  /** `skb_metadata_len` */
  metadataLength(call: HelperCall, skb: number): number {
    const { skbs } = this.packets;
    const view = call.memory.view();
    const shared = view.getUint32(skb + skbs.head, true) + view.getUint32(skb + skbs.end, true);
    return view.getUint8(shared + this.#metaLength);
  }

  /** Where `length` bytes lie in one piece (`bpf_dynptr_slice` without a buffer); 0 where they do not. */
  place(call: HelperCall, dynptr: Dynptr, offset: number, length: number): number {
    if (!dynptrHas(dynptr, offset, length)) return 0;
    const { data } = dynptr;
    const at = dynptr.offset + offset;
    switch (dynptr.type) {
      case DynptrType.LOCAL:
      case DynptrType.RINGBUF:
        return data + at;
      case DynptrType.SKB:
        return this.packets.at(call, data, at, length);
      case DynptrType.XDP:
        return Math.max(this.buffs.at(call, data, at, length), 0);
      case DynptrType.SKB_META: {
        const end = this.packets.skbs.header(call, data, 0);
        return end - this.metadataLength(call, data) + at;
      }
    }
  }

  /** `__bpf_dynptr_read` */
  read(call: HelperCall, dynptr: Dynptr, offset: number, to: number, length: number): number {
    if (!dynptrHas(dynptr, offset, length)) return -Errno.E2BIG;
    const at = dynptr.offset + offset;
    if (dynptr.type === DynptrType.SKB) return this.packets.load(call, dynptr.data, at, to, length);
    return this.#copy(call, dynptr, { offset, length }, to, "load");
  }

  /** `__bpf_dynptr_write`; `flags` are those of `bpf_skb_store_bytes`, and 0 where the data is not a packet's. */
  write(
    call: HelperCall,
    dynptr: Dynptr,
    offset: number,
    from: { at: number; length: number },
    flags: readonly [low: number, high: number] = [0, 0],
  ): number {
    if (dynptr.readOnly) return -Errno.EINVAL;
    if (!dynptrHas(dynptr, offset, from.length)) return -Errno.E2BIG;
    const [low, high] = flags;
    if (dynptr.type === DynptrType.SKB) {
      const target = { offset: dynptr.offset + offset, flags: low, flagsHigh: high };
      return this.packets.store(call, dynptr.data, from, target);
    }
    if (low !== 0 || high !== 0) return -Errno.EINVAL;
    return this.#copy(call, dynptr, { offset, length: from.length }, from.at, "store");
  }

  #copy(
    call: HelperCall,
    dynptr: Dynptr,
    part: { offset: number; length: number },
    other: number,
    direction: "load" | "store",
  ): number {
    const { offset, length } = part;
    if (dynptr.type === DynptrType.XDP)
      return this.buffs.copy(call, dynptr.data, { offset: dynptr.offset + offset, length }, other, direction);
    const place = this.place(call, dynptr, offset, length);
    const [from, to] = direction === "load" ? [place, other] : [other, place];
    call.memory.bytes().copyWithin(to, from, from + length);
    return 0;
  }
}
