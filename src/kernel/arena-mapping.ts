import { type ArenaPages, PAGE_SHIFT } from "../maps/index.ts";
import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { BpfMapFlag, Errno } from "../uapi/index.ts";
import type { KernelMap } from "./objects/map.ts";
import { refuse } from "./refusal.ts";

/** Where arenas come to lie whose creator did not say: below the stacks of processes, 4 GiB apart. */
const FIRST_ADDRESS = 0x7e00_0000_0000n;
const DISTANCE = 1n << 32n;

/**
 * `arena_map_mmap`: all of an arena, at its address, which the first mapping decides unless the map's creator has.
 * EBUSY for a part of it.
 */
export function mapArena(
  memory: KernelMemory,
  map: KernelMap,
  range: { readonly offset: number; readonly length: number; readonly write: boolean },
  ended: (mapping: Mapping) => void,
): Mapping {
  const { arena } = map.parts.storage;
  if (arena === null) return refuse(Errno.EINVAL);
  const whole = Math.ceil(range.length / PAGE_SIZE);
  if (range.length <= 0 || range.offset !== 0) refuse(Errno.EINVAL);
  if (whole !== arena.pages) refuse(Errno.EBUSY);
  if (arena.userStart === 0n) arena.moveTo(FIRST_ADDRESS - BigInt(map.id) * DISTANCE);
  return new ArenaMapping(memory, map.get(), arena, range.write, ended);
}

/** An arena as a process sees it. It keeps the map alive until it is closed. */
class ArenaMapping implements Mapping {
  readonly length: number;
  readonly #memory: KernelMemory;
  readonly #arena: ArenaPages;
  readonly #writable: boolean;
  readonly #ended: (mapping: Mapping) => void;
  #map: KernelMap | null;

  constructor(
    memory: KernelMemory,
    map: KernelMap,
    arena: ArenaPages,
    writable: boolean,
    ended: (mapping: Mapping) => void,
  ) {
    this.length = arena.pages * PAGE_SIZE;
    this.#memory = memory;
    this.#arena = arena;
    this.#writable = writable;
    this.#ended = ended;
    this.#map = map;
    if (writable) map.writers++;
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
    return Atomics.load(this.#memory.words(), this.#at(offset, 4) >>> 2);
  }

  store32(offset: number, value: number): void {
    this.#checkWritable();
    Atomics.store(this.#memory.words(), this.#at(offset, 4) >>> 2, value | 0);
  }

  close(): void {
    const map = this.#map;
    if (map === null) return;
    this.#map = null;
    if (this.#writable) map.writers--;
    map.put();
    this.#ended(this);
  }

  #checkWritable(): void {
    if (!this.#writable) throw new RangeError("mapping: expected a writable one, got a read-only one");
  }

  #at(offset: number, length: number): number {
    if (this.#map === null) throw new RangeError("mapping: expected an open one, got a closed one");
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw new RangeError(`mapping: expected a range in ${this.length} bytes, got ${length} at ${offset}`);
    }
    for (let page = offset >>> PAGE_SHIFT; page << PAGE_SHIFT < offset + length; page++) this.#fault(page);
    return this.#arena.offsetOf(0) + offset;
  }

  /** `arena_vm_fault`: a page that nobody took comes with its first use, unless the map was made to refuse that. */
  #fault(page: number): void {
    if (this.#arena.isPresent(page)) return;
    const refuses = (this.#map!.parts.flags & BpfMapFlag.SEGV_ON_FAULT) !== 0;
    if (refuses || this.#arena.allocate(page, 1) < 0) {
      throw new RangeError(`mapping: expected a page of the arena, got none at ${page * PAGE_SIZE}`);
    }
  }
}
