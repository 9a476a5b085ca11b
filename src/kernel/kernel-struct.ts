import { addressOf, type KernelMemory, offsetOf } from "../mem/index.ts";
import type { FieldPlace, KernelLayout } from "../platform/index.ts";

/**
 * An object of the kernel in the one memory, read and written by member names: `skb.set("len", 60)` for the `len` of
 * the `struct sk_buff` at its offset. Places come from the kernel's BTF. A `+` steps into a struct that lies in an
 * untyped member: `cb+qdisc_skb_cb.pkt_len`.
 */
export class KernelStruct {
  /** Name of the struct: `"sk_buff"`. */
  readonly type: string;
  readonly offset: number;
  readonly #memory: KernelMemory;
  readonly #layout: KernelLayout;
  /** By member as callers name it: packets are laid out for every run. */
  readonly #places = new Map<string, FieldPlace>();

  constructor(memory: KernelMemory, layout: KernelLayout, type: string, offset: number) {
    this.#memory = memory;
    this.#layout = layout;
    this.type = type;
    this.offset = offset;
  }

  /** The 64-bit address that other objects hold of it. */
  get address(): bigint {
    return addressOf(this.offset);
  }

  get size(): number {
    return this.#layout.sizeOf(this.type);
  }

  /** Offset of a member in the one memory. */
  at(member: string): number {
    return this.offset + this.place(member).offset;
  }

  /** Writes an integer member or a bit field. */
  set(member: string, value: number | bigint): void {
    const place = this.place(member);
    const at = this.offset + place.offset;
    const view = this.#memory.view();
    if (place.mask !== 0) {
      const bits = (Number(value) << place.shift) & place.mask;
      view.setUint8(at, (view.getUint8(at) & ~place.mask) | bits);
    } else if (place.size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else if (place.size === 4) view.setUint32(at, Number(value), true);
    else if (place.size === 2) view.setUint16(at, Number(value), true);
    else view.setUint8(at, Number(value));
  }

  /** An integer member of up to 32 bits, or a bit field. */
  get(member: string): number {
    const place = this.place(member);
    const at = this.offset + place.offset;
    const view = this.#memory.view();
    if (place.mask !== 0) return (view.getUint8(at) & place.mask) >>> place.shift;
    if (place.size === 4) return view.getUint32(at, true);
    if (place.size === 2) return view.getUint16(at, true);
    if (place.size === 1) return view.getUint8(at);
    return Number(view.getBigUint64(at, true));
  }

  get64(member: string): bigint {
    return this.#memory.view().getBigUint64(this.at(member), true);
  }

  /** Copies bytes to where a member begins. */
  write(member: string, bytes: Uint8Array): void {
    this.#memory.bytes().set(bytes, this.at(member));
  }

  /** A copy of the bytes from where a member begins. */
  read(member: string, length: number): Uint8Array {
    const at = this.at(member);
    return this.#memory.bytes().slice(at, at + length);
  }

  /** Makes a pointer member point to an offset of the one memory; 0 is NULL. */
  point(member: string, offset: number): void {
    this.set(member, offset === 0 ? 0n : addressOf(offset));
  }

  /** Makes an element of an array of pointers at a member point to an offset. */
  pointElement(member: string, index: number, offset: number): void {
    const address = offset === 0 ? 0n : addressOf(offset);
    this.#memory.view().setBigUint64(this.at(member) + 8 * index, address, true);
  }

  /** The offset that a pointer member points to; 0 for NULL. */
  pointer(member: string): number {
    return offsetOf(this.get64(member));
  }

  /** Zeroes the whole object. */
  clear(): void {
    this.#memory.bytes().fill(0, this.offset, this.offset + this.size);
  }

  /** Where a member lies in the struct. */
  place(member: string): FieldPlace {
    let place = this.#places.get(member);
    if (place === undefined) {
      place = this.#resolve(member);
      this.#places.set(member, place);
    }
    return place;
  }

  #resolve(member: string): FieldPlace {
    const path = `${this.type}.${member}`;
    const plus = path.lastIndexOf("+");
    if (plus < 0) return this.#layout.field(path);
    let offset = 0;
    for (const part of path.slice(0, plus).split("+")) offset += this.#layout.offset(part);
    const place = this.#layout.field(path.slice(plus + 1));
    return { ...place, offset: offset + place.offset };
  }
}
