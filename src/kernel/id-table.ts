import type { KernelObject } from "./objects/kernel-object.ts";

/** Ids of one kind of object: ever increasing, never reused, as `idr_alloc_cyclic` gives them in practice. */
export class IdTable<T extends KernelObject> {
  readonly #objects = new Map<number, T>();
  #next: number;

  constructor(first = 1) {
    this.#next = first;
  }

  allocate(): number {
    return this.#next++;
  }

  add(object: T): T {
    this.#objects.set(object.id, object);
    return object;
  }

  remove(id: number): void {
    this.#objects.delete(id);
  }

  get(id: number): T | undefined {
    return this.#objects.get(id);
  }

  /** The smallest id above `id`, or undefined: what the `*_GET_NEXT_ID` commands walk by. */
  after(id: number): number | undefined {
    // A Map keeps the order of insertion, and ids only grow.
    for (const candidate of this.#objects.keys()) if (candidate > id) return candidate;
    return undefined;
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }
}
