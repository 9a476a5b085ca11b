import type { KernelMemory } from "../../src/mem/index.ts";

/** Waits until `count` threads have come to the word at `gate`. */
export function meet(memory: KernelMemory, gate: number, count: number): void {
  Atomics.add(memory.words(), gate >>> 2, 1);
  while (Atomics.load(memory.words(), gate >>> 2) % count !== 0);
}
