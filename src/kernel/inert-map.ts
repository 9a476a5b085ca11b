import type { MapAttributes, MapOperations, MapStorage } from "../maps/index.ts";
import type { KernelMemory } from "../mem/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import { refuse } from "./refusal.ts";

/** Map types that have elements here. */
const WORKING: ReadonlySet<number> = new Set([
  BpfMapType.HASH,
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_HASH,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
  BpfMapType.LPM_TRIE,
  BpfMapType.QUEUE,
  BpfMapType.STACK,
  BpfMapType.BLOOM_FILTER,
  BpfMapType.STACK_TRACE,
  BpfMapType.USER_RINGBUF,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.TASK_STORAGE,
  BpfMapType.CGRP_STORAGE,
  BpfMapType.INODE_STORAGE,
  BpfMapType.PROG_ARRAY,
  BpfMapType.ARRAY_OF_MAPS,
  BpfMapType.HASH_OF_MAPS,
  BpfMapType.RINGBUF,
  BpfMapType.SK_STORAGE,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_STORAGE,
  BpfMapType.PERCPU_CGROUP_STORAGE,
  BpfMapType.SOCKMAP,
  BpfMapType.SOCKHASH,
  BpfMapType.REUSEPORT_SOCKARRAY,
  BpfMapType.ARENA,
  BpfMapType.DEVMAP,
  BpfMapType.DEVMAP_HASH,
  BpfMapType.CPUMAP,
  BpfMapType.XSKMAP,
]);

/**
 * Whether maps of a type can only be created, described and pinned: objects that declare one load, programs that use
 * one do not run, and commands on its elements give EOPNOTSUPP.
 */
export function isInert(type: number): boolean {
  return !WORKING.has(type);
}

/** The storage of such a map: its `struct bpf_map` and nothing else. ENOMEM. */
export function inertStorage(
  memory: KernelMemory,
  bpfMapSize: number,
  { type, keySize, valueSize }: MapAttributes,
): MapStorage {
  const offset = memory.alloc(bpfMapSize, 64);
  if (offset === 0) refuse(Errno.ENOMEM);
  return {
    offset,
    shape: { type, keySize, valueSize, flags: 0 },
    values: 0,
    arena: null,
    count: 0,
    buckets: () => 0,
    keysOf: () => [],
    slot: () => 0,
    setSlot: () => false,
    useValues: () => undefined,
    freeTimers: () => undefined,
    close: () => memory.retire(offset),
  };
}

/** Every operation refuses; `update` gives `writes`: 0 where a map is only looked at, and what it would hold is not. */
export function inertOperations(writes: number): MapOperations {
  return {
    lookup: () => 0,
    update: () => writes,
    delete: () => -Errno.EOPNOTSUPP,
    nextKey: () => -Errno.EOPNOTSUPP,
  };
}
