import type { RingBatch } from "../../sys/index.ts";
import type { PerfEvent } from "./perf-event.ts";
import type { PerfRing } from "./perf-ring.ts";

/** Records of a perf event that a process has taken and not yet given back. */
export class SampleBatch implements RingBatch {
  readonly records: readonly Uint8Array[];
  readonly lost: number;
  readonly #ring: PerfRing;
  readonly #end: number;
  #event: PerfEvent | null;

  /** Keeps the event until the records are given back. */
  constructor(event: PerfEvent, ring: PerfRing, max: number) {
    const { records, end, lost } = ring.read(max);
    this.records = records;
    this.lost = lost;
    this.#ring = ring;
    this.#end = end;
    this.#event = event.get();
  }

  release(): void {
    const event = this.#event;
    if (event === null) return;
    this.#event = null;
    this.#ring.consume(this.#end);
    event.put();
  }
}
