import { type KernelMemory, PAGE_SIZE } from "../../mem/index.ts";
import type { Mapping } from "../../sys/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import { ObjectMapping } from "../object-mapping.ts";
import { refuse } from "../refusal.ts";
import type { PerfEvent } from "./perf-event.ts";
import type { PerfRing } from "./perf-ring.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly write: boolean;
}

/**
 * `perf_mmap`: a page that says where records are, and 2^n pages of them, or none; the ring ends with its last mapping.
 * EINVAL for another size, and where the ring has another one already.
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

/** What a process sees of the ring of a perf event. */
class PerfMapping extends ObjectMapping<PerfEvent> {
  readonly #ring: number;

  constructor(
    memory: KernelMemory,
    event: PerfEvent,
    ring: PerfRing,
    options: { readonly write: boolean; readonly ended: (mapping: Mapping) => void },
  ) {
    super(memory, event, { length: ring.size + PAGE_SIZE, write: options.write }, options.ended);
    this.#ring = ring.offset;
  }

  protected override place(_event: PerfEvent, offset: number): number {
    return this.#ring + offset;
  }
}
