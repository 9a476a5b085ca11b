import { filterBits, isLruType, isPerCpuType, type MapAttributes } from "../maps/index.ts";
import { PAGE_SIZE } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfMapFlag, BpfMapType } from "../uapi/index.ts";

const POINTER = 8;
/** Pages of a ring buffer beside its data. */
const RING_PAGES = 3;
/** Eight counters of 32 bits a CPU, which guarded the locks of buckets once and are accounted for still. */
const LOCK_COUNTERS = 8 * 4;

/**
 * Bytes that Linux accounts for such a map (`map_mem_usage`), so that tools show the same figure here.
 * A hash without preallocation is accounted for without its elements: it has none when it is created.
 */
export function mapMemoryUsage(map: MapAttributes, cpus: number, layout: KernelLayout): number {
  const value = roundUp(map.valueSize, 8);
  switch (map.type) {
    case BpfMapType.PROG_ARRAY:
    case BpfMapType.ARRAY_OF_MAPS:
    case BpfMapType.PERF_EVENT_ARRAY:
    case BpfMapType.CGROUP_ARRAY:
    case BpfMapType.ARRAY: {
      const values = map.maxEntries * value;
      const header = layout.sizeOf("bpf_array");
      return (map.flags & BpfMapFlag.MMAPABLE) === 0
        ? header + values
        : roundUp(header, PAGE_SIZE) + roundUp(values, PAGE_SIZE);
    }
    case BpfMapType.PERCPU_ARRAY:
      return layout.sizeOf("bpf_array") + map.maxEntries * (POINTER + value * cpus);
    case BpfMapType.HASH:
    case BpfMapType.HASH_OF_MAPS:
    case BpfMapType.PERCPU_HASH:
    case BpfMapType.LRU_HASH:
    case BpfMapType.LRU_PERCPU_HASH:
      return hashUsage(map, value, cpus, layout);
    case BpfMapType.QUEUE:
    case BpfMapType.STACK:
      // struct bpf_queue_stack, its lock with three words behind it.
      return roundUp(layout.sizeOf("bpf_map") + 4 * 4, 8) + (map.maxEntries + 1) * map.valueSize;
    case BpfMapType.BLOOM_FILTER: {
      // struct bpf_bloom_filter: three words in front of the bits.
      const bits = filterBits(map.maxEntries, Number((map.extra ?? 0n) & 0xfn) || 5);
      return roundUp(layout.sizeOf("bpf_map") + 3 * 4, 8) + bits / 8;
    }
    case BpfMapType.STACK_TRACE: {
      // struct bpf_stack_map; a struct stack_map_bucket has two words and a pointer in front of its frames.
      const table = layout.sizeOf("bpf_map") + 3 * POINTER + bucketsOf(map) * POINTER;
      return table + map.maxEntries * (POINTER + 2 * 4 + map.valueSize);
    }
    case BpfMapType.RINGBUF:
    case BpfMapType.USER_RINGBUF: {
      const pages = map.maxEntries / PAGE_SIZE;
      const bytes = (RING_PAGES + pages) * PAGE_SIZE;
      // struct bpf_ringbuf_map
      return layout.sizeOf("bpf_map") + POINTER + bytes + (RING_PAGES + 2 * pages) * POINTER;
    }
    default:
      return 0;
  }
}

function hashUsage(map: MapAttributes, value: number, cpus: number, layout: KernelLayout): number {
  const perCpu = isPerCpuType(map.type);
  const table = layout.sizeOf("bpf_htab") + bucketsOf(map) * layout.sizeOf("bucket") + LOCK_COUNTERS * cpus;
  if ((map.flags & BpfMapFlag.NO_PREALLOC) !== 0) return table;
  const element = layout.sizeOf("htab_elem") + roundUp(map.keySize, 8) + (perCpu ? POINTER : value);
  if (perCpu) return table + map.maxEntries * (element + value * cpus);
  if (map.type === BpfMapType.HASH_OF_MAPS || isLruType(map.type)) return table + map.maxEntries * element;
  // One element a CPU is kept ready, so that an update of a full map can replace.
  return table + (map.maxEntries + cpus) * element + POINTER * cpus;
}

function bucketsOf({ maxEntries }: MapAttributes): number {
  let buckets = 1;
  while (buckets < maxEntries) buckets *= 2;
  return buckets;
}

function roundUp(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}
