import type { UserMemory } from "./port.ts";

/** The buffers lent for the length of one system call: `using loans = new Loans(memory)`. */
export class Loans implements Disposable {
  readonly #memory: UserMemory;
  readonly #addresses: bigint[] = [];

  constructor(memory: UserMemory) {
    this.#memory = memory;
  }

  /** The address at which the kernel sees `bytes` until this object is disposed of. */
  lend(bytes: Uint8Array): bigint {
    if (bytes.length === 0) return 0n;
    const address = this.#memory.lend(bytes);
    this.#addresses.push(address);
    return address;
  }

  [Symbol.dispose](): void {
    for (let address = this.#addresses.pop(); address !== undefined; address = this.#addresses.pop()) {
      this.#memory.release(address);
    }
  }
}
