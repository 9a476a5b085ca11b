import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../uapi/index.ts";
import { mapArena } from "./arena-mapping.ts";
import type { KernelMap } from "./objects/map.ts";
import { refuse } from "./refusal.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly write: boolean;
}

/**
 * `bpf_map_mmap` and `array_map_mmap`: the values of an array that was made to be mapped, or the pages of an arena.
 * `ended` hears of its closing.
 */
export function mapValues(
  memory: KernelMemory,
  map: KernelMap,
  range: Range,
  ended: (mapping: Mapping) => void,
): Mapping {
  const { offset, length, write } = range;
  const mappable = map.type === BpfMapType.ARRAY || map.type === BpfMapType.ARENA;
  // Nobody but the kernel touches special fields.
  if (!mappable || (map.parts.record !== null && map.parts.record.fields.length > 0)) refuse(Errno.ENOTSUPP);
  if (write && map.frozen) refuse(Errno.EPERM);
  if (write && (map.parts.flags & BpfMapFlag.RDONLY_PROG) !== 0) refuse(Errno.EACCES);
  if (map.type === BpfMapType.ARENA) return mapArena(memory, map, range, ended);
  if ((map.parts.flags & BpfMapFlag.MMAPABLE) === 0) refuse(Errno.EINVAL);
  if (length <= 0 || offset < 0 || offset % PAGE_SIZE !== 0) refuse(Errno.EINVAL);
  const whole = Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  const bytes = map.parts.maxEntries * ((map.valueSize + 7) & -8);
  if (offset + whole > Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE) refuse(Errno.EINVAL);
  return new ValueMapping(memory, map.get(), { start: offset, length: whole, bytes, write }, ended);
}

/** A view of an array's values. It keeps the map alive until it is closed. */
class ValueMapping implements Mapping {
  readonly length: number;
  readonly #memory: KernelMemory;
  readonly #range: { readonly start: number; readonly bytes: number; readonly write: boolean };
  readonly #ended: (mapping: Mapping) => void;
  #map: KernelMap | null;

  constructor(
    memory: KernelMemory,
    map: KernelMap,
    range: {
      readonly start: number;
      readonly length: number;
      readonly bytes: number;
      readonly write: boolean;
    },
    ended: (mapping: Mapping) => void,
  ) {
    this.length = range.length;
    this.#memory = memory;
    this.#map = map;
    this.#range = range;
    this.#ended = ended;
    if (range.write) map.writers++;
  }

  read(offset: number, length: number): Uint8Array {
    const at = this.#at(offset, length);
    const out = new Uint8Array(length);
    out.set(this.#memory.bytes().subarray(at, at + this.#backed(offset, length)));
    return out;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (!this.#range.write) throw new RangeError("mapping: expected a writable one, got a read-only one");
    const at = this.#at(offset, bytes.length);
    this.#memory.bytes().set(bytes.subarray(0, this.#backed(offset, bytes.length)), at);
  }

  load32(offset: number): number {
    const at = this.#word(offset);
    return at < 0 ? 0 : Atomics.load(this.#memory.words(), at);
  }

  store32(offset: number, value: number): void {
    if (!this.#range.write) throw new RangeError("mapping: expected a writable one, got a read-only one");
    const at = this.#word(offset);
    if (at >= 0) Atomics.store(this.#memory.words(), at, value | 0);
  }

  close(): void {
    const map = this.#map;
    if (map === null) return;
    this.#map = null;
    if (this.#range.write) map.writers--;
    map.put();
    this.#ended(this);
  }

  #word(offset: number): number {
    if (offset % 4 !== 0) throw new RangeError(`mapping: expected a multiple of 4, got ${offset}`);
    const at = this.#at(offset, 4);
    return this.#backed(offset, 4) === 4 ? at >>> 2 : -1;
  }

  #at(offset: number, length: number): number {
    if (this.#map === null) throw new RangeError("mapping: expected an open one, got a closed one");
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw new RangeError(`mapping: expected a range in ${this.length} bytes, got ${length} at ${offset}`);
    }
    return this.#map.parts.storage.values + this.#range.start + offset;
  }

  /** How many bytes of a range are values; what fills up the last page reads as 0 and is not kept. */
  #backed(offset: number, length: number): number {
    return Math.max(0, Math.min(length, this.#range.bytes - this.#range.start - offset));
  }
}
