import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../uapi/index.ts";
import { mapArena } from "./arena-mapping.ts";
import { MapMapping } from "./map-mapping.ts";
import type { KernelMap } from "./objects/map.ts";
import { refuse } from "./refusal.ts";
import { mapRing } from "./ring-mapping.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly write: boolean;
}

/**
 * `bpf_map_mmap` and `array_map_mmap`: the values of an array that was made to be mapped, the pages of an arena, or a
 * ring buffer. `ended` hears of its closing.
 */
export function mapValues(
  memory: KernelMemory,
  map: KernelMap,
  range: Range,
  ended: (mapping: Mapping) => void,
): Mapping {
  const { offset, length, write } = range;
  const ring = map.type === BpfMapType.RINGBUF || map.type === BpfMapType.USER_RINGBUF;
  const mappable = map.type === BpfMapType.ARRAY || map.type === BpfMapType.ARENA || ring;
  // Nobody but the kernel touches special fields.
  if (!mappable || (map.parts.record !== null && map.parts.record.fields.length > 0)) refuse(Errno.ENOTSUPP);
  if (write && map.frozen) refuse(Errno.EPERM);
  if (write && (map.parts.flags & BpfMapFlag.RDONLY_PROG) !== 0) refuse(Errno.EACCES);
  if (map.type === BpfMapType.ARENA) return mapArena(memory, map, range, ended);
  if (ring) return mapRing(memory, map, range, ended);
  if ((map.parts.flags & BpfMapFlag.MMAPABLE) === 0) refuse(Errno.EINVAL);
  if (length <= 0 || offset < 0 || offset % PAGE_SIZE !== 0) refuse(Errno.EINVAL);
  const whole = Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  const bytes = map.parts.maxEntries * ((map.valueSize + 7) & -8);
  if (offset + whole > Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE) refuse(Errno.EINVAL);
  return new ValueMapping(memory, map, { start: offset, length: whole, bytes, write }, ended);
}

/** A view of an array's values. */
class ValueMapping extends MapMapping {
  readonly #start: number;
  readonly #bytes: number;

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
    super(memory, map, range, ended);
    this.#start = range.start;
    this.#bytes = range.bytes;
  }

  protected override place(map: KernelMap, offset: number): number {
    return map.parts.storage.values + this.#start + offset;
  }

  /** What fills up the last page is no value. */
  protected override backed(offset: number, length: number): number {
    return Math.max(0, Math.min(length, this.#bytes - this.#start - offset));
  }
}
