import type { UserMemory } from "../../sys/index.ts";

interface Loan {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** The memory of this process, as far as buffers of it are lent to the kernel: their addresses are what they are. */
export class LinuxMemory implements UserMemory {
  readonly #addressOf: (bytes: Uint8Array) => bigint;
  /** The last one at the end: most are given back soon. */
  readonly #loans: Loan[] = [];

  constructor(addressOf: (bytes: Uint8Array) => bigint) {
    this.#addressOf = addressOf;
  }

  lend(bytes: Uint8Array): bigint {
    if (bytes.length === 0) return 0n;
    const address = this.#addressOf(bytes);
    this.#loans.push({ address, bytes });
    return address;
  }

  release(address: bigint): void {
    const at = this.#loans.findLastIndex((loan) => loan.address === address);
    if (at >= 0) this.#loans.splice(at, 1);
  }

  read(address: bigint, length: number): Uint8Array | null {
    for (let i = this.#loans.length - 1; i >= 0; i--) {
      const { address: start, bytes } = this.#loans[i]!;
      if (address < start || address + BigInt(length) > start + BigInt(bytes.length)) continue;
      const offset = Number(address - start);
      return bytes.subarray(offset, offset + length);
    }
    return null;
  }

  write(address: bigint, bytes: Uint8Array): boolean {
    const target = this.read(address, bytes.length);
    target?.set(bytes);
    return target !== null;
  }
}
