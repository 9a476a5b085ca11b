import { type KernelMemory, PAGE_SIZE } from "../../mem/index.ts";
import type { Mapping } from "../../sys/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import { refuse } from "../refusal.ts";
import type { PerfEvent } from "./perf-event.ts";
import type { PerfRing } from "./perf-ring.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly write: boolean;
}

/**
 * `perf_mmap`: a page that says where records are, and 2^n pages of them, or none; the ring ends with its last mapping. EINVAL for another size, and where the ring
 * has another one already.
 */
export function mapPerfRing(
  machine: Machine,
  event: PerfEvent,
  { offset, length, write }: Range,
  ended: (mapping: Mapping) => void,
): Mapping {
  const pages = Math.ceil(length / PAGE_SIZE) - 1;
  if (offset !== 0 || pages < 0 || (pages & (pages - 1)) !== 0) refuse(Errno.EINVAL);
  if (event.ring !== null && event.ring.size !== pages * PAGE_SIZE) refuse(Errno.EINVAL);
  const ring = machine.perf.ringOf(event, pages) ?? refuse(Errno.ENOMEM);
  event.mappings++;
  return new PerfMapping(machine.memory, event, ring, {
    write,
    ended: (mapping) => {
      if (--event.mappings === 0) machine.perf.endRing(event);
      ended(mapping);
    },
  });
}

/** What a process sees of the ring of a perf event, which it keeps. */
class PerfMapping implements Mapping {
  readonly length: number;
  readonly #memory: KernelMemory;
  readonly #offset: number;
  readonly #writable: boolean;
  readonly #ended: (mapping: Mapping) => void;
  #event: PerfEvent | null;

  constructor(
    memory: KernelMemory,
    event: PerfEvent,
    ring: PerfRing,
    options: { readonly write: boolean; readonly ended: (mapping: Mapping) => void },
  ) {
    this.#memory = memory;
    this.#event = event.get() as PerfEvent;
    this.#offset = ring.offset;
    this.length = ring.size + PAGE_SIZE;
    this.#writable = options.write;
    this.#ended = options.ended;
  }

  read(offset: number, length: number): Uint8Array {
    const at = this.#at(offset, length);
    return this.#memory.bytes().slice(at, at + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#checkWritable();
    this.#memory.bytes().set(bytes, this.#at(offset, bytes.length));
  }

  load32(offset: number): number {
    return Atomics.load(this.#memory.words(), this.#word(offset));
  }

  store32(offset: number, value: number): void {
    this.#checkWritable();
    Atomics.store(this.#memory.words(), this.#word(offset), value | 0);
  }

  close(): void {
    const event = this.#event;
    if (event === null) return;
    this.#event = null;
    this.#ended(this);
    event.put();
  }

  #checkWritable(): void {
    if (!this.#writable) throw new RangeError("mapping: expected a writable one, got a read-only one");
  }

  #word(offset: number): number {
    if (offset % 4 !== 0) throw new RangeError(`mapping: expected a multiple of 4, got ${offset}`);
    return this.#at(offset, 4) >>> 2;
  }

  #at(offset: number, length: number): number {
    if (this.#event === null) throw new RangeError("mapping: expected an open one, got a closed one");
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length))
      throw new RangeError(`mapping: expected a range in ${this.length} bytes, got ${length} at ${offset}`);
    return this.#offset + offset;
  }
}
