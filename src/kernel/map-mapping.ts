import type { KernelMemory } from "../mem/index.ts";
import type { Mapping } from "../sys/index.ts";
import { ObjectMapping } from "./object-mapping.ts";
import type { KernelMap } from "./objects/map.ts";

/** What a process sees of a map's memory. The map is written to where it may be, until it is closed. */
export abstract class MapMapping extends ObjectMapping<KernelMap> {
  constructor(
    memory: KernelMemory,
    map: KernelMap,
    range: { readonly length: number; readonly write: boolean },
    ended: (mapping: Mapping) => void,
  ) {
    super(memory, map, range, (mapping) => {
      if (range.write) map.writers--;
      ended(mapping);
    });
    if (range.write) map.writers++;
  }
}
