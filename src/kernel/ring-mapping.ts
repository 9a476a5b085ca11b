import { RING_DATA, RingField } from "../maps/index.ts";
import { type KernelMemory, PAGE_SIZE } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import { MapMapping } from "./map-mapping.ts";
import type { KernelMap } from "./objects/map.ts";
import { refuse } from "./refusal.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly write: boolean;
}

/** Pages of the two positions, which come before the data in a mapping. */
const POSITIONS = 2 * PAGE_SIZE;

/**
 * `ringbuf_map_mmap_kern`, `ringbuf_map_mmap_user`: the consumer's position, the producer's, and the data twice. Who
 * consumes writes its position and nothing else; who produces all but that one. EPERM, EINVAL.
 */
export function mapRing(
  memory: KernelMemory,
  map: KernelMap,
  { offset, length, write }: Range,
  ended: (mapping: Mapping) => void,
): Mapping {
  const whole = Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  const user = map.type === BpfMapType.USER_RINGBUF;
  if (length <= 0 || offset < 0 || offset % PAGE_SIZE !== 0) refuse(Errno.EINVAL);
  if (write && user && offset === 0) refuse(Errno.EPERM);
  if (write && !user && (offset !== 0 || whole !== PAGE_SIZE)) refuse(Errno.EPERM);
  if (offset + whole > POSITIONS + 2 * map.parts.maxEntries) refuse(Errno.EINVAL);
  const range = { start: offset, length: whole, write };
  return user ? new MirroredMapping(memory, map, range, ended) : new RingMapping(memory, map, range, ended);
}

interface Part {
  readonly start: number;
  readonly length: number;
  readonly write: boolean;
}

class RingMapping extends MapMapping {
  readonly start: number;

  constructor(memory: KernelMemory, map: KernelMap, part: Part, ended: (mapping: Mapping) => void) {
    super(memory, map, part, ended);
    this.start = part.start;
  }

  protected override place(map: KernelMap, offset: number, _length: number): number {
    return map.parts.storage.values - RING_DATA + RingField.CONSUMER + this.start + offset;
  }
}

/**
 * As user space sees a ring that it writes: the data is there twice. In memory it lies twice, too, and each byte is
 * written to both places, so that a program finds a sample in one piece wherever its bytes were written.
 */
class MirroredMapping extends RingMapping {
  readonly #memory: KernelMemory;
  readonly #data: number;
  readonly #size: number;

  constructor(memory: KernelMemory, map: KernelMap, part: Part, ended: (mapping: Mapping) => void) {
    super(memory, map, part, ended);
    this.#memory = memory;
    this.#data = map.parts.storage.values;
    this.#size = map.parts.maxEntries;
  }

  override write(offset: number, bytes: Uint8Array): void {
    super.write(offset, bytes);
    this.#mirror(offset, bytes.length);
  }

  override store32(offset: number, value: number): void {
    super.store32(offset, value);
    this.#mirror(offset, 4);
  }

  #mirror(offset: number, length: number): void {
    const first = Math.max(0, this.start + offset - POSITIONS);
    const end = this.start + offset + length - POSITIONS;
    this.#copy(first, Math.min(end, this.#size), this.#size);
    this.#copy(Math.max(first, this.#size), end, -this.#size);
  }

  /** Copies bytes of the data to where they are a second time. */
  #copy(first: number, end: number, distance: number): void {
    const data = this.#data;
    if (end > first) this.#memory.bytes().copyWithin(data + first + distance, data + first, data + end);
  }
}
