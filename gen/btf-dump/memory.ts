import { AREAS, type AreaName, NUMBERS, type NumberName } from "../../src/btf/dump/dump-memory.ts";
import type { Global, ModuleBuilder } from "../../src/wasm/index.ts";
import { bytesAt, longsAt, type MemoryArray, wordsAt } from "./expressions.ts";

/** What the code finds in memory: arrays by name, and what it is told of the types. */
export type DumpMemory = Readonly<Record<AreaName, MemoryArray>> & Readonly<Record<NumberName, Global>>;

const ARRAYS = { 1: bytesAt, 4: wordsAt, 8: longsAt } as const;

/** Imports where everything is. */
export function importMemory(m: ModuleBuilder): DumpMemory {
  m.importMemory("host", "memory", { min: 1 });
  const number = (name: string) => m.importGlobal("host", name, "i32");
  const arrays = Object.entries(AREAS).map(([name, bytes]) => [name, ARRAYS[bytes](number(name))]);
  const numbers = NUMBERS.map((name) => [name, number(name)]);
  return { ...Object.fromEntries(arrays), ...Object.fromEntries(numbers) };
}

/** What the module itself puts into memory, from a first address on. */
export class Constants {
  readonly #m: ModuleBuilder;
  readonly #limit: number;
  #end: number;

  constructor(m: ModuleBuilder, start: number, limit: number) {
    this.#m = m;
    this.#end = start;
    this.#limit = limit;
  }

  /** Places bytes, with seven behind them that texts may be read with; gives their address. */
  place(bytes: Uint8Array): number {
    const address = this.#end;
    this.#m.data(address, bytes);
    this.#end = (address + bytes.length + 15) & ~7;
    if (this.#end > this.#limit) throw new Error(`constants end at ${this.#end}, behind ${this.#limit}`);
    return address;
  }
}
