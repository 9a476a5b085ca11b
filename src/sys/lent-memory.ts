import type { UserMemory } from "./port.ts";

/** Where lent buffers appear: a part of x86-64's user half that looks like an mmap area, so that dumps read naturally. */
const FIRST_ADDRESS = 0x7f00_0000_0000n;
/** Unreadable bytes between two loans, so that running past one never reads its neighbour. */
const GUARD = 0x1000;

interface Loan {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/**
 * User memory as a table of lent buffers: what a caller of the embedded kernel has instead of an address space.
 *
 * Loans nest (system calls do not overlap in one process), so the table is a stack in all but name and look-ups are
 * short; any order of release is allowed.
 */
export class LentMemory implements UserMemory {
  /** Sorted by start; starts count from FIRST_ADDRESS. */
  readonly #loans: Loan[] = [];

  lend(bytes: Uint8Array): bigint {
    if (bytes.length === 0) return 0n;
    const last = this.#loans[this.#loans.length - 1];
    // Divided, not masked: loans of more than 2 GiB together must not wrap.
    const start = last === undefined ? 0 : (Math.ceil((last.start + last.bytes.length) / GUARD) + 1) * GUARD;
    this.#loans.push({ start, bytes });
    return FIRST_ADDRESS + BigInt(start);
  }

  release(address: bigint): void {
    const start = Number(address - FIRST_ADDRESS);
    for (let i = this.#loans.length - 1; i >= 0; i--) {
      if (this.#loans[i]!.start === start) {
        this.#loans.splice(i, 1);
        return;
      }
    }
  }

  read(address: bigint, length: number): Uint8Array | null {
    return this.#find(address, length);
  }

  write(address: bigint, bytes: Uint8Array): boolean {
    const target = this.#find(address, bytes.length);
    if (target === null) return false;
    target.set(bytes);
    return true;
  }

  #find(address: bigint, length: number): Uint8Array | null {
    if (address < FIRST_ADDRESS || address - FIRST_ADDRESS > 0xff_ffff_ffffn) return null;
    const at = Number(address - FIRST_ADDRESS);
    for (let i = this.#loans.length - 1; i >= 0; i--) {
      const { start, bytes } = this.#loans[i]!;
      if (at < start) continue;
      const offset = at - start;
      return offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : null;
    }
    return null;
  }
}
