import { offsetOf } from "./layout.ts";
import type { KernelMemory } from "./memory.ts";

/**
 * The bytes at a kernel address, as a copy.
 *
 * @returns null where not all of them lie in the memory.
 */
export function readKernel(memory: KernelMemory, address: bigint, length: number): Uint8Array | null {
  const offset = rangeOf(memory, address, length);
  return offset === 0 ? null : memory.bytes().slice(offset, offset + length);
}

/** Writes bytes at a kernel address. @returns false, with nothing written, where not all of them lie in the memory. */
export function writeKernel(memory: KernelMemory, address: bigint, bytes: Uint8Array): boolean {
  const offset = rangeOf(memory, address, bytes.length);
  if (offset === 0) return false;
  memory.bytes().set(bytes, offset);
  return true;
}

/** A 64-bit little-endian word at an offset, as an unsigned number of 64 bits. */
export function readWord(memory: KernelMemory, offset: number): bigint {
  return memory.view().getBigUint64(offset, true);
}

/** Writes a 64-bit word at an offset: an address, a count. */
export function writeWord(memory: KernelMemory, offset: number, value: bigint): void {
  memory.view().setBigUint64(offset, BigInt.asUintN(64, value), true);
}

function rangeOf(memory: KernelMemory, address: bigint, length: number): number {
  const offset = offsetOf(address);
  return offset !== 0 && offset + length <= memory.bytes().length ? offset : 0;
}
