import type { KernelObject } from "./kernel-object.ts";

/** Programs that the elements of a map of devices or CPUs run, or control groups, by key: the map references each. */
export class EntryPrograms {
  readonly #programs = new Map<number, KernelObject>();

  /** Takes a reference to the program of an element, and lets go of the one that it had; null for none. */
  set(key: number, program: KernelObject | null): void {
    const before = this.#programs.get(key);
    if (program === null) this.#programs.delete(key);
    else this.#programs.set(key, program.get());
    before?.put();
  }

  clear(): void {
    for (const key of [...this.#programs.keys()]) this.set(key, null);
  }
}
