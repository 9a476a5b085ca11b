import type { ObjectMemory } from "../../../src/helpers/index.ts";
import { type KernelMemory, RegionAccess } from "../../../src/mem/index.ts";

/** Objects of a size that there can be at a time: few, so that programs meet the end of memory. */
const OBJECTS = 6;

/** Memory for what programs allocate, which has one of a few sizes. */
export class ObjectArea implements ObjectMemory {
  readonly #memory: KernelMemory;
  readonly #slabs: readonly { readonly size: number; readonly start: number }[];
  #free: number[][] = [];

  /** @param sizes in bytes, in ascending order. */
  constructor(memory: KernelMemory, sizes: readonly number[]) {
    this.#memory = memory;
    this.#slabs = sizes.map((given) => {
      const size = Math.ceil(given / 8) * 8;
      const start = memory.alloc(OBJECTS * size, 16);
      const region = { start, end: start + OBJECTS * size, stride: size, size };
      memory.regions.add({ ...region, access: RegionAccess.READ_WRITE, what: "object" });
      return { size, start };
    });
    this.clear();
  }

  /** All objects are free. */
  clear(): void {
    this.#free = this.#slabs.map(({ size, start }) =>
      Array.from({ length: OBJECTS }, (_, index) => start + index * size),
    );
  }

  allocate(wanted: number): number {
    const slab = this.#slabs.findIndex(({ size }) => size >= wanted);
    const at = this.#free[slab]?.pop();
    if (at === undefined) return 0;
    this.#memory.bytes().fill(0, at, at + this.#slabs[slab]!.size);
    return at;
  }

  release(at: number): void {
    const slab = this.#slabs.findLastIndex(({ start }) => start <= at);
    this.#free[slab]!.push(at);
  }
}
