import { TsbpfError } from "../base/index.ts";
import { type KernelMemory, RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { KernelStruct } from "./kernel-struct.ts";

/** Makes objects of the kernel in the one memory, and tells checked mode what programs may do with them. */
export class StructAllocator {
  readonly #memory: KernelMemory;
  readonly #layout: KernelLayout;

  constructor(memory: KernelMemory, layout: KernelLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  /** A zeroed block for the life of the kernel. */
  allocate(size: number, alignment = 8): number {
    const offset = this.#memory.alloc(size, alignment);
    if (offset === 0) throw new TsbpfError(`kernel: expected ${size} bytes of memory at boot, got none`);
    return offset;
  }

  /** A zeroed struct that programs may read, and write where `writable` members are. */
  struct(type: string, writable: readonly string[] = []): KernelStruct {
    const size = this.#layout.sizeOf(type);
    const object = new KernelStruct(this.#memory, this.#layout, type, this.allocate(size, 64));
    const places = writable
      .map((member) => this.#layout.field(`${type}.${member}`))
      .sort((a, b) => a.offset - b.offset);
    let at = 0;
    for (const place of places) {
      this.#region(object, at, place.offset, RegionAccess.READ);
      // Members that share bytes (bit fields) are one region.
      const start = Math.max(at, place.offset);
      this.#region(object, start, place.offset + place.size, RegionAccess.READ_WRITE);
      at = Math.max(at, place.offset + place.size);
    }
    this.#region(object, at, size, RegionAccess.READ);
    return object;
  }

  #region(object: KernelStruct, from: number, to: number, access: number): void {
    if (from >= to) return;
    this.#memory.regions.add({
      start: object.offset + from,
      end: object.offset + to,
      access,
      stride: 0,
      size: 0,
      what: `struct ${object.type}`,
    });
  }
}
