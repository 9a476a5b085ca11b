import { type ArenaPages, PAGE_SHIFT } from "../maps/index.ts";
import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { BpfMapFlag, Errno } from "../uapi/index.ts";
import { MapMapping } from "./map-mapping.ts";
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
  return new ArenaMapping(memory, map, arena, range.write, ended);
}

/** An arena as a process sees it. */
class ArenaMapping extends MapMapping {
  readonly #arena: ArenaPages;

  constructor(
    memory: KernelMemory,
    map: KernelMap,
    arena: ArenaPages,
    write: boolean,
    ended: (mapping: Mapping) => void,
  ) {
    super(memory, map, { length: arena.pages * PAGE_SIZE, write }, ended);
    this.#arena = arena;
  }

  protected override place(map: KernelMap, offset: number, length: number): number {
    for (let page = offset >>> PAGE_SHIFT; page << PAGE_SHIFT < offset + length; page++)
      this.#fault(map, page);
    return this.#arena.offsetOf(0) + offset;
  }

  /** `arena_vm_fault`: a page that nobody took comes with its first use, unless the map was made to refuse that. */
  #fault(map: KernelMap, page: number): void {
    if (this.#arena.isPresent(page)) return;
    const refuses = (map.parts.flags & BpfMapFlag.SEGV_ON_FAULT) !== 0;
    if (refuses || this.#arena.allocate(page, 1) < 0) {
      throw new RangeError(`mapping: expected a page of the arena, got none at ${page * PAGE_SIZE}`);
    }
  }
}
