import {
  createMap,
  type MapAttributes,
  MapCode,
  type MapOperations,
  type MapStorage,
} from "../../src/maps/index.ts";
import { createKernelMemory, type KernelMemory } from "../../src/mem/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";

export const CPUS = 3;

/** A map with room for a key, a value and a next key beside it. */
export class TestMap {
  readonly memory: KernelMemory;
  readonly storage: MapStorage;
  readonly operations: MapOperations;
  readonly #key: number;
  readonly #value: number;
  readonly #next: number;
  readonly keySize: number;
  readonly valueSize: number;

  constructor(attributes: MapAttributes, memory = createKernelMemory({ maximumPages: 1024 })) {
    this.memory = memory;
    const storage = tryCreate(memory, attributes);
    if (typeof storage === "number") throw new Error(`expected a map, got errno ${storage}`);
    this.storage = storage;
    this.operations = new MapCode(memory).operations(storage.shape);
    this.keySize = attributes.keySize;
    this.valueSize = attributes.valueSize;
    // Not aligned, as keys and values in packets are not.
    this.#key = memory.alloc(this.keySize + 8) + 3;
    this.#next = memory.alloc(this.keySize + 8) + 5;
    this.#value = memory.alloc(this.valueSize + 8) + 1;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0, cpu = 0): number {
    this.memory.bytes().set(key, this.#key);
    this.memory.bytes().set(value, this.#value);
    return this.operations.update(this.storage.offset, this.#key, this.#value, flags, cpu);
  }

  /** Offset of the value, or 0. */
  find(key: Uint8Array, cpu = 0): number {
    this.memory.bytes().set(key, this.#key);
    return this.operations.lookup(this.storage.offset, this.#key, cpu) >>> 0;
  }

  lookup(key: Uint8Array, cpu = 0): Uint8Array | null {
    const at = this.find(key, cpu);
    return at === 0 ? null : this.memory.bytes().slice(at, at + this.valueSize);
  }

  delete(key: Uint8Array): number {
    this.memory.bytes().set(key, this.#key);
    return this.operations.delete(this.storage.offset, this.#key);
  }

  nextKey(key: Uint8Array | null): Uint8Array | number {
    if (key !== null) this.memory.bytes().set(key, this.#key);
    const error = this.operations.nextKey(this.storage.offset, key === null ? 0 : this.#key, this.#next);
    return error === 0 ? this.memory.bytes().slice(this.#next, this.#next + this.keySize) : error;
  }

  /** All keys, by iteration, as hex. */
  keys(): string[] {
    const keys: string[] = [];
    let key = this.nextKey(null);
    while (typeof key !== "number" && keys.length < 100_000) {
      keys.push(hex(key));
      key = this.nextKey(key);
    }
    return keys;
  }
}

export function tryCreate(memory: KernelMemory, attributes: MapAttributes, cpus = CPUS): MapStorage | number {
  let seed = 0x1234_5678;
  return createMap(
    {
      memory,
      cpus,
      bpfMapSize: 256,
      random: () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0),
    },
    attributes,
  );
}

export function attributes(fields: Partial<MapAttributes>): MapAttributes {
  return { type: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 8, flags: 0, ...fields };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A number as a key of any size: different numbers give different keys where they fit. */
export function keyOf(number: number, size: number): Uint8Array {
  const key = new Uint8Array(size);
  for (let i = 0; i < size; i++) key[i] = (number >>> (8 * (i % 4))) ^ (i >= 4 ? 0xa5 : 0);
  return key;
}

export function patternOf(number: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (number * 7 + i * 13) & 0xff);
}

/** Whether two values are equal, or both absent: quicker than a matcher on thousands of bytes. */
export function same(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
