import { BtfBuilder } from "../../src/btf/index.ts";
import type { MapCreateAttributes } from "../../src/platform/index.ts";
import type { BpfCommands } from "../../src/sys/index.ts";
import { BpfMapType, BpfMapFlag as F } from "../../src/uapi/index.ts";

/** What some maps cannot be created without: types, and a map to hold. They end with the process. */
export interface SampleTypes {
  readonly btf: number;
  /** An integer of 32 bits. */
  readonly int: number;
  readonly inner: number;
}

export function sampleTypes(commands: BpfCommands): SampleTypes {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const btf = commands.btfLoad({ btf: builder.finish() });
  const inner = commands.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 });
  return { btf, int, inner };
}

/** Sizes and flags that a type takes. */
export function usualSizes(type: number): MapCreateAttributes {
  const sizes = { type, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };
  switch (type) {
    case BpfMapType.LPM_TRIE:
      return { ...sizes, keySize: 8, flags: F.NO_PREALLOC };
    case BpfMapType.QUEUE:
    case BpfMapType.STACK:
    case BpfMapType.BLOOM_FILTER:
      return { ...sizes, keySize: 0 };
    case BpfMapType.RINGBUF:
    case BpfMapType.USER_RINGBUF:
      return { ...sizes, keySize: 0, valueSize: 0, maxEntries: 4096 };
    case BpfMapType.CGROUP_STORAGE:
    case BpfMapType.PERCPU_CGROUP_STORAGE:
      return { ...sizes, keySize: 8, maxEntries: 0 };
    case BpfMapType.SK_STORAGE:
    case BpfMapType.INODE_STORAGE:
    case BpfMapType.TASK_STORAGE:
    case BpfMapType.CGRP_STORAGE:
      return { ...sizes, maxEntries: 0, flags: F.NO_PREALLOC, typed: true };
    case BpfMapType.STACK_TRACE:
      return { ...sizes, valueSize: 8 };
    case BpfMapType.ARENA:
      return { ...sizes, keySize: 0, valueSize: 0, flags: F.MMAPABLE };
    default:
      return sizes;
  }
}
