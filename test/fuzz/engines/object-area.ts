import type { ObjectMemory } from "../../../src/helpers/index.ts";
import { type KernelMemory, RegionAccess } from "../../../src/mem/index.ts";
import { NODE_SIZE } from "./types.ts";

/** Objects that there can be at a time: few, so that programs meet the end of memory. */
const OBJECTS = 6;

/** Memory for what programs allocate, which is all of one size. */
export class ObjectArea implements ObjectMemory {
  readonly #memory: KernelMemory;
  readonly #start: number;
  #free: number[] = [];

  constructor(memory: KernelMemory) {
    this.#memory = memory;
    const size = OBJECTS * NODE_SIZE;
    this.#start = memory.alloc(size, 16);
    const access = RegionAccess.READ_WRITE;
    const region = { start: this.#start, end: this.#start + size, stride: NODE_SIZE, size: NODE_SIZE };
    memory.regions.add({ ...region, access, what: "object" });
    this.clear();
  }

  /** All objects are free. */
  clear(): void {
    this.#free = Array.from({ length: OBJECTS }, (_, index) => this.#start + index * NODE_SIZE);
  }

  allocate(size: number): number {
    const at = size > NODE_SIZE ? undefined : this.#free.pop();
    if (at === undefined) return 0;
    this.#memory.bytes().fill(0, at, at + NODE_SIZE);
    return at;
  }

  release(at: number): void {
    this.#free.push(at);
  }
}
