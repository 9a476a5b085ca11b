import type { KernelMemory } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import type { KernelObject } from "./objects/kernel-object.ts";

/** What a process sees of the memory of an object. It keeps the object alive until it is closed. */
export abstract class ObjectMapping<O extends KernelObject> implements Mapping {
  readonly length: number;
  readonly #memory: KernelMemory;
  readonly #writable: boolean;
  readonly #ended: (mapping: Mapping) => void;
  #object: O | null;

  constructor(
    memory: KernelMemory,
    object: O,
    range: { readonly length: number; readonly write: boolean },
    ended: (mapping: Mapping) => void,
  ) {
    this.length = range.length;
    this.#memory = memory;
    this.#object = object.get();
    this.#writable = range.write;
    this.#ended = ended;
  }

  /** Where in the kernel's memory a range of the mapping lies. */
  protected abstract place(object: O, offset: number, length: number): number;

  /** How many bytes of a range are the object's; the rest reads as 0 and is not kept. */
  protected backed(_offset: number, length: number): number {
    return length;
  }

  read(offset: number, length: number): Uint8Array {
    const at = this.#at(offset, length);
    const out = new Uint8Array(length);
    out.set(this.#memory.bytes().subarray(at, at + this.backed(offset, length)));
    return out;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#checkWritable();
    const at = this.#at(offset, bytes.length);
    this.#memory.bytes().set(bytes.subarray(0, this.backed(offset, bytes.length)), at);
  }

  load32(offset: number): number {
    const at = this.#word(offset);
    return at < 0 ? 0 : Atomics.load(this.#memory.words(), at);
  }

  store32(offset: number, value: number): void {
    this.#checkWritable();
    const at = this.#word(offset);
    if (at >= 0) Atomics.store(this.#memory.words(), at, value | 0);
  }

  close(): void {
    const object = this.#object;
    if (object === null) return;
    this.#object = null;
    object.put();
    this.#ended(this);
  }

  #checkWritable(): void {
    if (!this.#writable) throw new RangeError("mapping: expected a writable one, got a read-only one");
  }

  /** The index of a word; -1 where it is none of the object's. */
  #word(offset: number): number {
    if (offset % 4 !== 0) throw new RangeError(`mapping: expected a multiple of 4, got ${offset}`);
    const at = this.#at(offset, 4);
    return this.backed(offset, 4) === 4 ? at >>> 2 : -1;
  }

  #at(offset: number, length: number): number {
    if (this.#object === null) throw new RangeError("mapping: expected an open one, got a closed one");
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw new RangeError(`mapping: expected a range in ${this.length} bytes, got ${length} at ${offset}`);
    }
    return this.place(this.#object, offset, length);
  }
}
