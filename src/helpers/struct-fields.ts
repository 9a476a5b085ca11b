import type { FieldPlace, KernelLayout } from "../platform/index.ts";

/** Members of one object of the kernel, by path: `fields.get("sock.sk_mark")`. Structs that begin where it does are told by name. */
export class StructFields {
  readonly view: DataView;
  readonly offset: number;
  readonly #layout: KernelLayout;

  constructor(view: DataView, layout: KernelLayout, offset: number) {
    this.view = view;
    this.#layout = layout;
    this.offset = offset;
  }

  /** An unsigned integer of up to 32 bits, or a bit field. */
  get(path: string): number {
    const { size, mask, shift, at } = this.#place(path);
    if (mask !== 0) return (this.view.getUint8(at) & mask) >>> shift;
    if (size === 1) return this.view.getUint8(at);
    return size === 2 ? this.view.getUint16(at, true) : this.view.getUint32(at, true);
  }

  set(path: string, value: number): void {
    const { size, mask, shift, at } = this.#place(path);
    if (mask !== 0) this.view.setUint8(at, (this.view.getUint8(at) & ~mask) | ((value << shift) & mask));
    else if (size === 1) this.view.setUint8(at, value);
    else if (size === 2) this.view.setUint16(at, value, true);
    else this.view.setUint32(at, value, true);
  }

  getWide(path: string): bigint {
    return this.view.getBigUint64(this.#place(path).at, true);
  }

  setWide(path: string, value: bigint): void {
    this.view.setBigUint64(this.#place(path).at, value, true);
  }

  #place(path: string): FieldPlace & { readonly at: number } {
    const place = this.#layout.field(path);
    return { ...place, at: this.offset + place.offset };
  }
}
