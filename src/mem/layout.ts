/**
 * How the one memory is laid out, and how addresses that programs hold relate to it.
 *
 * ```text
 *   63                              32 31                               0
 *  +----------------------------------+----------------------------------+
 *  | 0xffff8000 (KERNEL_BASE)         | offset in the WebAssembly.Memory |   a kernel address
 *  +----------------------------------+----------------------------------+
 *
 *   offset
 *  0x00000000  never allocated: a NULL, an ERR_PTR and small offsets from either never alias data
 *  0x00010000  control block: allocator, locks, epochs, interrupt words (fixed offsets, read and written by emitted code)
 *  0x00020000  heap: everything else, in blocks of the emitted allocator
 * ```
 */

/** x86-64's hole between the user and the kernel half starts here: no real address of either kind collides with it. */
export const KERNEL_BASE = 0xffff_8000_0000_0000n;

/** The high half of every kernel address, as Wasm's signed i32. */
export const KERNEL_BASE_HIGH = 0xffff_8000 | 0;

/** Offsets below this are never allocated. */
export const FIRST_OFFSET = 0x1_0000;

/** Start of the control block. */
export const CONTROL = 0x1_0000;

/** First offset of the heap. */
export const HEAP = 0x2_0000;

/** Bytes of a Wasm page. */
export const WASM_PAGE = 0x1_0000;

/** Bytes of a page as Linux on x86-64 counts them: what PAGE_SIZE rules of maps and buffers mean. */
export const PAGE_SIZE = 4096;

/** The 64-bit address that a program sees for an offset. */
export function addressOf(offset: number): bigint {
  return KERNEL_BASE | BigInt(offset >>> 0);
}

/** The offset of a kernel address; 0 (never allocated) where the address is no kernel address. */
export function offsetOf(address: bigint): number {
  return BigInt.asUintN(64, address) >> 32n === KERNEL_BASE >> 32n ? Number(address & 0xffff_ffffn) : 0;
}
