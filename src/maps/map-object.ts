import { Control, type KernelMemory } from "../mem/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { ArenaPages } from "./arena.ts";
import { BUCKET_SIZE, BucketField } from "./emit-hash-find.ts";
import { LocalStorage } from "./local-storage.ts";
import { MAP_HEADER_SIZE, MapField, SlabField } from "./map-header.ts";
import {
  arrayStride,
  ElementField,
  isArrayType,
  isHashType,
  isLocalStorage,
  isPerCpuType,
  valueAt,
} from "./map-shape.ts";
import type { FreeFields, MapShape } from "./operations.ts";
import type { RecordBlocks } from "./special-fields.ts";
import type { MapEnvironment, MapStorage } from "./storage.ts";

/** What a map was given when it was created, and gives back when it ends. */
export interface MapHoldings {
  readonly blocks: readonly number[];
  readonly regions: readonly number[];
  readonly records: RecordBlocks;
  readonly arena: ArenaPages | null;
}

export class MapObject implements MapStorage {
  readonly offset: number;
  readonly shape: MapShape;
  readonly values: number;
  readonly #memory: KernelMemory;
  readonly #header: number;
  readonly #holdings: MapHoldings;
  readonly #freeFields: FreeFields | undefined;
  readonly #whenQuiet: (act: () => void) => void;
  #closed = false;

  constructor(environment: MapEnvironment, shape: MapShape, offset: number, holdings: MapHoldings) {
    const { memory, freeFields, whenQuiet = (act) => act() } = environment;
    this.#whenQuiet = whenQuiet;
    this.#memory = memory;
    this.shape = shape;
    this.offset = offset;
    this.#header = offset - MAP_HEADER_SIZE;
    this.#holdings = holdings;
    this.#freeFields = freeFields;
    this.values = this.#field(MapField.VALUES);
  }

  get arena(): ArenaPages | null {
    return this.#holdings.arena;
  }

  get count(): number {
    return Atomics.load(this.#memory.words(), (this.#header + MapField.COUNT) >>> 2);
  }

  buckets(): number {
    const { type } = this.shape;
    return isHashType(type) || type === BpfMapType.SOCKHASH ? this.#field(MapField.MASK) + 1 : 0;
  }

  keysOf(bucket: number): readonly number[] {
    const keys: number[] = [];
    if (!(bucket >= 0 && bucket < this.buckets())) return keys;
    const view = this.#memory.view();
    const first = this.#field(MapField.BUCKETS) + bucket * BUCKET_SIZE + BucketField.FIRST;
    // Elements can move to other buckets meanwhile: no more are followed than there can be.
    let left = this.#field(MapField.MAX_ENTRIES) + this.#field(MapField.CPUS) + 1;
    for (let element = view.getUint32(first, true); element !== 0 && left > 0; left--) {
      keys.push(element + ElementField.KEY);
      element = view.getUint32(element + ElementField.NEXT, true);
    }
    return keys;
  }

  whileLocked<T>(bucket: number, act: () => T): T {
    if (this.#memory.words()[Control.PARALLEL >>> 2] === 0) return act();
    const at = this.#field(MapField.BUCKETS) + bucket * BUCKET_SIZE + BucketField.VERSION;
    const version = this.#memory.functions.lock_version(at);
    try {
      return act();
    } finally {
      // The memory may have grown meanwhile: its words are taken afresh.
      if ((Atomics.exchange(this.#memory.words(), at >>> 2, version) & 2) !== 0)
        this.#memory.functions.wake(at);
    }
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

  freeTimers(): void {
    this.#free(true);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Checked programs that still run look for the map among the regions.
    this.#whenQuiet(() => this.#end());
  }

  #end(): void {
    const memory = this.#memory;
    this.#free(false);
    if (isLocalStorage(this.shape.type)) new LocalStorage(memory, this.#freeFields).clearMap(this.offset);
    this.#holdings.records.close();
    for (const region of this.#holdings.regions) memory.regions.remove(region);
    for (let slab = this.#field(MapField.SLABS); slab !== 0; ) {
      const view = memory.view();
      const next = view.getUint32(slab + SlabField.NEXT, true);
      memory.regions.remove(view.getUint32(slab + SlabField.REGION, true));
      memory.retire(slab);
      slab = next;
    }
    for (const block of this.#holdings.blocks) memory.retire(block);
  }

  #free(onlyTimers: boolean): void {
    const free = this.#freeFields;
    if (free === undefined || this.shape.special?.frees !== true) return;
    for (const value of this.#eachValue()) free(this.offset, value, onlyTimers);
  }

  /** Offsets of the values of all elements, of each CPU. */
  *#eachValue(): Generator<number> {
    const { shape } = this;
    const cpus = isPerCpuType(shape.type) ? this.#field(MapField.CPUS) : 1;
    if (isArrayType(shape.type)) {
      const entries = this.#field(MapField.MAX_ENTRIES);
      for (let cpu = 0; cpu < cpus; cpu++) {
        const area = this.values + cpu * this.#field(MapField.CPU_STRIDE);
        for (let i = 0; i < entries; i++) yield area + i * arrayStride(shape);
      }
      return;
    }
    for (let bucket = 0; bucket < this.buckets(); bucket++) {
      for (const key of this.keysOf(bucket)) {
        const at = key - ElementField.KEY + valueAt(shape);
        if (!isPerCpuType(shape.type)) yield at;
        else for (let cpu = 0; cpu < cpus; cpu++) yield this.#word(at) + cpu * this.#word(at + 4);
      }
    }
  }

  #word(at: number): number {
    return this.#memory.view().getUint32(at, true);
  }

  #slotAt(index: number): number {
    if (this.shape.type !== BpfMapType.PROG_ARRAY) return -1;
    return index >= 0 && index < this.#field(MapField.MAX_ENTRIES) ? (this.values + 4 * index) >>> 2 : -1;
  }

  #field(field: number): number {
    return this.#memory.view().getUint32(this.#header + field, true);
  }
}
