import { type KernelMemory, PAGE_SIZE } from "../../mem/index.ts";
import type { TaskMemory } from "../user-memory.ts";

/** End of user space on x86-64. */
const USER_END = 0x8000_0000_0000n;

/** Pages that were mapped together. */
export interface UserRange {
  readonly start: bigint;
  readonly end: bigint;
  readonly writable: boolean;
}

interface Mapped extends UserRange {
  readonly offset: number;
}

/** The user memory of a task: ranges of 47-bit addresses, whose pages lie in the one memory. */
export class AddressSpace implements TaskMemory {
  readonly #memory: KernelMemory;
  /** Sorted by start; ranges never overlap. */
  #ranges: Mapped[] = [];

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /**
   * Maps zeroed pages at an address. @throws RangeError where the range is not of whole pages of user space, or in use.
   */
  map(start: bigint, length: number, options: { readonly writable?: boolean } = {}): void {
    const end = start + BigInt(length);
    const whole = start % BigInt(PAGE_SIZE) === 0n && length % PAGE_SIZE === 0 && length > 0;
    if (!whole || start < 0n || end > USER_END)
      throw new RangeError(`address space: expected whole pages of user space, got 0x${start.toString(16)}`);
    if (this.#ranges.some((range) => start < range.end && range.start < end))
      throw new RangeError(`address space: expected pages that are free, got 0x${start.toString(16)}`);
    const offset = this.#memory.alloc(length, PAGE_SIZE);
    if (offset === 0) throw new RangeError(`address space: no memory is left for ${length} bytes`);
    this.#ranges.push({ start, end, offset, writable: options.writable ?? true });
    this.#ranges.sort((one, other) => (one.start < other.start ? -1 : 1));
  }

  /** What is mapped, by address. */
  get ranges(): readonly UserRange[] {
    return this.#ranges;
  }

  /** Unmaps everything. */
  clear(): void {
    for (const { offset } of this.#ranges) this.#memory.retire(offset);
    this.#ranges = [];
  }

  /** Puts bytes at an address, whatever its pages allow: as a loader does. False where not all is mapped. */
  put(address: bigint, bytes: Uint8Array): boolean {
    return this.#copyIn(address, bytes, () => true);
  }

  read(address: bigint, length: number): Uint8Array | null {
    const out = new Uint8Array(length);
    const complete = this.#walk(address, length, ({ offset }, at, done, count) => {
      out.set(this.#memory.bytes().subarray(offset + at, offset + at + count), done);
      return true;
    });
    return complete ? out : null;
  }

  write(address: bigint, bytes: Uint8Array): boolean {
    return this.#copyIn(address, bytes, ({ writable }) => writable);
  }

  #copyIn(address: bigint, bytes: Uint8Array, may: (range: Mapped) => boolean): boolean {
    // All or nothing: a look before the copy.
    if (!this.#walk(address, bytes.length, may)) return false;
    return this.#walk(address, bytes.length, ({ offset }, at, done, count) => {
      this.#memory.bytes().set(bytes.subarray(done, done + count), offset + at);
      return true;
    });
  }

  /** Visits the parts of a range that lie in one mapping each. @returns false where a byte is not mapped, or a visit says no. */
  #walk(
    address: bigint,
    length: number,
    visit: (range: Mapped, at: number, done: number, count: number) => boolean,
  ): boolean {
    for (let done = 0; done < length; ) {
      const from = address + BigInt(done);
      const range = this.#ranges.find(({ start, end }) => from >= start && from < end);
      if (range === undefined) return false;
      const count = Math.min(length - done, Number(range.end - from));
      if (!visit(range, Number(from - range.start), done, count)) return false;
      done += count;
    }
    return true;
  }
}
