import type { MapStorage } from "../../maps/index.ts";
import type { KernelObject } from "./kernel-object.ts";

/** A program, as far as tail calls go. */
export interface TailCallTarget extends KernelObject {
  /** Its function in the executor's table. */
  readonly entry: number;
}

/** The programs of a BPF_MAP_TYPE_PROG_ARRAY, each referenced by it, and their functions in the map's slots. */
export class ProgramArray {
  readonly #storage: MapStorage;
  readonly #programs = new Map<number, TailCallTarget>();

  constructor(storage: MapStorage) {
    this.#storage = storage;
  }

  get(index: number): TailCallTarget | undefined {
    return this.#programs.get(index);
  }

  /** All that it holds. */
  targets(): Iterable<TailCallTarget> {
    return this.#programs.values();
  }

  /** Puts a program into a slot and takes a reference to it. The index is in bounds. */
  set(index: number, program: TailCallTarget): void {
    const before = this.#programs.get(index);
    this.#programs.set(index, program);
    program.get();
    this.#storage.setSlot(index, program.entry);
    before?.put();
  }

  /** Empties a slot. @returns false where nothing was in it. */
  delete(index: number): boolean {
    const before = this.#programs.get(index);
    if (before === undefined) return false;
    this.#programs.delete(index);
    this.#storage.setSlot(index, 0);
    before.put();
    return true;
  }

  clear(): void {
    for (const index of [...this.#programs.keys()]) this.delete(index);
  }
}
