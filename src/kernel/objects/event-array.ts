import type { KernelObject } from "./kernel-object.ts";

/** The perf events in a BPF_MAP_TYPE_PERF_EVENT_ARRAY by index, each referenced by it. */
export class EventArray {
  readonly #events = new Map<number, KernelObject>();

  get(index: number): KernelObject | undefined {
    return this.#events.get(index);
  }

  set(index: number, event: KernelObject): void {
    const before = this.#events.get(index);
    this.#events.set(index, event.get());
    before?.put();
  }

  /** @returns whether there was one. */
  delete(index: number): boolean {
    const before = this.#events.get(index);
    this.#events.delete(index);
    before?.put();
    return before !== undefined;
  }

  clear(): void {
    for (const index of [...this.#events.keys()]) this.delete(index);
  }
}
