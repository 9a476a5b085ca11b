/** `_text` of a Linux without address randomisation: where the functions of this kernel pretend to be. */
const TEXT = 0xffff_ffff_8100_0000n;
/** Bytes of code that a Linux has, about: what is further away than that from another function is none. */
const TEXT_SIZE = 1n << 25n;
/** Distance of two functions. */
export const STEP = 64n;
/** From the base of calls to the first of them: no distance may be taken for the number of a helper. */
const GAP = 0x1000n;

/**
 * Addresses of the kernel's functions: what calls in a dump are relative to, and what kallsyms lists. They are given
 * out in the order in which they are first asked for; `__bpf_call_base` comes first.
 */
export class KernelSymbols {
  readonly #addresses = new Map<string, bigint>();

  constructor() {
    this.address("__bpf_call_base");
  }

  address(name: string): bigint {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      const number = BigInt(this.#addresses.size);
      address = number === 0n ? TEXT : TEXT + GAP + (number - 1n) * STEP;
      this.#addresses.set(name, address);
    }
    return address;
  }

  /** The function that an address is in, and how far; null where there is none. */
  find(address: bigint): { readonly name: string; readonly offset: number } | null {
    for (const [name, start] of this.#addresses) {
      const offset = address - start;
      if (offset >= 0n && offset < STEP) return { name, offset: Number(offset) };
    }
    return null;
  }

  /** Whether an address is one of the kernel's code, in whatever function. */
  isText(address: bigint): boolean {
    return address >= TEXT && address < TEXT + TEXT_SIZE;
  }

  /** The text of `/proc/kallsyms`. */
  kallsyms(): string {
    let text = "";
    for (const [name, address] of this.#addresses)
      text += `${address.toString(16).padStart(16, "0")} T ${name}\n`;
    return text;
  }
}
