import { KERNEL_BASE_HIGH } from "../../mem/index.ts";

/** The offset that a pointer in memory holds; 0 for NULL. */
export function pointerAt(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

/** Writes a pointer, as programs and Linux have it: 64 bits, NULL for offset 0. */
export function setPointer(view: DataView, at: number, offset: number): void {
  view.setUint32(at, offset, true);
  view.setInt32(at + 4, offset === 0 ? 0 : KERNEL_BASE_HIGH, true);
}
