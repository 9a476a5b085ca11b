import { TsbpfError } from "../base/index.ts";
import { type FreeFields, LocalStorage } from "../maps/index.ts";
import { type KernelMemory, RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { KernelStruct } from "./kernel-struct.ts";

/** By struct: where values hang that maps have for it. */
const STORAGE: Readonly<Record<string, string>> = {
  sock: "sk_bpf_storage",
  task_struct: "bpf_storage",
  cgroup: "bpf_cgrp_storage",
};

/** Makes objects of the kernel in the one memory, and tells checked mode what programs may do with them. */
export class StructAllocator {
  readonly #memory: KernelMemory;
  readonly #layout: KernelLayout;
  /** Handles of the regions of objects that may end, by offset. */
  readonly #regions = new Map<number, number[]>();
  /** Ends what values of maps own that hang on an object. */
  freeFields: FreeFields | undefined;

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

  /** A zeroed struct that programs may read, and write where `writable` members are, with `extra` bytes behind it. */
  struct(type: string, writable: readonly string[] = [], extra = 0): KernelStruct {
    const size = this.#layout.sizeOf(type) + extra;
    const object = new KernelStruct(this.#memory, this.#layout, type, this.allocate(size, 64));
    this.#regions.set(object.offset, []);
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

  /** What begins at an offset, as a struct of another type. */
  view(type: string, offset: number): KernelStruct {
    return new KernelStruct(this.#memory, this.#layout, type, offset);
  }

  sizeOf(type: string): number {
    return this.#layout.sizeOf(type);
  }

  /** Ends a struct: its memory is used anew after every executor passed a quiescent point. */
  free(object: KernelStruct): void {
    const storage = STORAGE[object.type];
    if (storage !== undefined) new LocalStorage(this.#memory, this.freeFields).clearOwner(object.at(storage));
    for (const handle of this.#regions.get(object.offset) ?? []) this.#memory.regions.remove(handle);
    this.#regions.delete(object.offset);
    this.#memory.retire(object.offset);
  }

  #region(object: KernelStruct, from: number, to: number, access: number): void {
    if (from >= to) return;
    const handle = this.#memory.regions.add({
      start: object.offset + from,
      end: object.offset + to,
      access,
      stride: 0,
      size: 0,
      what: `struct ${object.type}`,
    });
    this.#regions.get(object.offset)!.push(handle);
  }
}
