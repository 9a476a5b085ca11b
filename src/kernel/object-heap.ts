import type { ObjectMemory } from "../helpers/index.ts";
import { type KernelMemory, RegionAccess } from "../mem/index.ts";

/** Objects of one size that are taken from the memory at a time. */
const SLAB_OBJECTS = 64;
/** Slabs are no larger than that, but for one object. */
const SLAB_BYTES = 64 * 1024;
const ALIGNMENT = 8;

/**
 * Objects that programs allocate, in slabs of one size each, so that checked mode has one region for many of them.
 * An object that was given back is the next to be given out: the kernel has one executor, and no other reader.
 */
export class ObjectHeap implements ObjectMemory {
  readonly #memory: KernelMemory;
  /** Free objects, by size. */
  readonly #free = new Map<number, number[]>();
  readonly #sizes = new Map<number, number>();

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Objects that are in use. */
  get count(): number {
    return this.#sizes.size;
  }

  allocate(size: number): number {
    const rounded = Math.max(Math.ceil(size / ALIGNMENT) * ALIGNMENT, ALIGNMENT);
    let free = this.#free.get(rounded);
    if (free === undefined) {
      free = [];
      this.#free.set(rounded, free);
    }
    if (free.length === 0 && !this.#grow(rounded, free)) return 0;
    const at = free.pop()!;
    this.#sizes.set(at, rounded);
    this.#memory.bytes().fill(0, at, at + rounded);
    return at;
  }

  release(at: number): void {
    const size = this.#sizes.get(at);
    if (size === undefined) return;
    this.#sizes.delete(at);
    this.#free.get(size)!.push(at);
  }

  #grow(size: number, free: number[]): boolean {
    const count = Math.max(Math.min(SLAB_OBJECTS, Math.floor(SLAB_BYTES / size)), 1);
    const start = this.#memory.alloc(count * size, 64);
    if (start === 0) return false;
    const handle = this.#memory.regions.tryAdd({
      start,
      end: start + count * size,
      access: RegionAccess.READ_WRITE,
      stride: size,
      size,
      what: "object",
    });
    if (handle === 0) {
      this.#memory.free(start);
      return false;
    }
    for (let i = count - 1; i >= 0; i--) free.push(start + i * size);
    return true;
  }
}
