import { RING_DATA, RingField, takeRecords } from "../maps/index.ts";
import type { KernelMemory } from "../mem/index.ts";
import type { RingBatch } from "../sys/index.ts";
import type { KernelMap } from "./objects/map.ts";

/** Records of a `BPF_MAP_TYPE_RINGBUF` map that a process has taken and not yet given back. */
export class RingRecords implements RingBatch {
  readonly records: readonly Uint8Array[];
  /** Programs that find no room are told so; the ring itself counts nothing. */
  readonly lost = 0;
  readonly #memory: KernelMemory;
  readonly #consumerAt: number;
  readonly #end: bigint;
  #map: KernelMap | null;

  /** Keeps the map until the records are given back. */
  constructor(memory: KernelMemory, map: KernelMap, max: number) {
    const data = map.parts.storage.values;
    const { records, end } = takeRecords(memory, data, map.parts.maxEntries, max);
    const bytes = memory.bytes();
    this.records = records.map(({ offset, length }) => bytes.subarray(offset, offset + length));
    this.#memory = memory;
    this.#consumerAt = data - RING_DATA + RingField.CONSUMER;
    this.#end = end;
    this.#map = map.get();
  }

  release(): void {
    const map = this.#map;
    if (map === null) return;
    this.#map = null;
    const positions = new BigUint64Array(this.#memory.memory.buffer, this.#consumerAt, 1);
    Atomics.store(positions, 0, this.#end);
    map.put();
  }
}

/** Whether a consumer would find something: a record that was written to its end. */
export function hasRecords(memory: KernelMemory, map: KernelMap): boolean {
  const view = memory.view();
  const data = map.parts.storage.values;
  const consumer = view.getBigUint64(data - RING_DATA + RingField.CONSUMER, true);
  return takeRecords(memory, data, map.parts.maxEntries, 1).end > consumer;
}
