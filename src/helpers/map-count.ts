import { MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";

/** Types that count their elements (`bpf_map_init_elem_count`). */
const COUNTED: ReadonlySet<number> = new Set([
  BpfMapType.HASH,
  BpfMapType.PERCPU_HASH,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
  BpfMapType.HASH_OF_MAPS,
]);

export const MAP_COUNT_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_map_sum_elem_count", { args: ["ptr"], result: "i64" }, (call, map) => {
    const header = (map! >>> 0) - MAP_HEADER_SIZE;
    call.resultHigh = 0;
    const type = call.memory.view().getUint32(header + MapField.TYPE, true);
    return COUNTED.has(type) ? Atomics.load(call.memory.words(), (header + MapField.COUNT) >>> 2) : 0;
  }),
];
