import type { KernelMemory } from "../mem/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import { BUCKET_SIZE, BucketField } from "./emit-hash-find.ts";
import { MAP_HEADER_SIZE, MapField, SlabField } from "./map-header.ts";
import { ElementField, isHashType } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";
import { SocketStorage } from "./socket-storage.ts";
import type { MapStorage } from "./storage.ts";

/** What a map was given when it was created, and gives back when it ends. */
export interface MapHoldings {
  readonly blocks: readonly number[];
  readonly regions: readonly number[];
}

export class MapObject implements MapStorage {
  readonly offset: number;
  readonly shape: MapShape;
  readonly values: number;
  readonly #memory: KernelMemory;
  readonly #header: number;
  readonly #holdings: MapHoldings;
  #closed = false;

  constructor(memory: KernelMemory, shape: MapShape, offset: number, holdings: MapHoldings) {
    this.#memory = memory;
    this.shape = shape;
    this.offset = offset;
    this.#header = offset - MAP_HEADER_SIZE;
    this.#holdings = holdings;
    this.values = this.#field(MapField.VALUES);
  }

  get count(): number {
    return Atomics.load(this.#memory.words(), (this.#header + MapField.COUNT) >>> 2);
  }

  buckets(): number {
    return isHashType(this.shape.type) ? this.#field(MapField.MASK) + 1 : 0;
  }

  keysOf(bucket: number): readonly number[] {
    const keys: number[] = [];
    if (!(bucket >= 0 && bucket < this.buckets())) return keys;
    const view = this.#memory.view();
    const first = this.#field(MapField.BUCKETS) + bucket * BUCKET_SIZE + BucketField.FIRST;
    // Elements can move to other buckets meanwhile: no more are followed than there can be.
    let left = this.#field(MapField.MAX_ENTRIES) + this.#field(MapField.CPUS);
    for (let element = view.getUint32(first, true); element !== 0 && left > 0; left--) {
      keys.push(element + ElementField.KEY);
      element = view.getUint32(element + ElementField.NEXT, true);
    }
    return keys;
  }

  slot(index: number): number {
    const at = this.#slotAt(index);
    return at < 0 ? 0 : Atomics.load(this.#memory.words(), at);
  }

  setSlot(index: number, value: number): boolean {
    const at = this.#slotAt(index);
    if (at >= 0) Atomics.store(this.#memory.words(), at, value);
    return at >= 0;
  }

  useValues(offset: number): void {
    this.#memory.view().setUint32(this.#header + MapField.VALUES, offset, true);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const memory = this.#memory;
    for (const region of this.#holdings.regions) memory.regions.remove(region);
    if (this.shape.type === BpfMapType.SK_STORAGE) new SocketStorage(memory).clearMap(this.offset);
    for (let slab = this.#field(MapField.SLABS); slab !== 0; ) {
      const view = memory.view();
      const next = view.getUint32(slab + SlabField.NEXT, true);
      memory.regions.remove(view.getUint32(slab + SlabField.REGION, true));
      memory.retire(slab);
      slab = next;
    }
    for (const block of this.#holdings.blocks) memory.retire(block);
  }

  #slotAt(index: number): number {
    if (this.shape.type !== BpfMapType.PROG_ARRAY) return -1;
    return index >= 0 && index < this.#field(MapField.MAX_ENTRIES) ? (this.values + 4 * index) >>> 2 : -1;
  }

  #field(field: number): number {
    return this.#memory.view().getUint32(this.#header + field, true);
  }
}
