import { Errno, BpfMapFlag as F, BpfMapType as M } from "../uapi/index.ts";
import type { MapCheck, MapRule } from "./map-rule.ts";

const ACCESS = F.RDONLY | F.WRONLY | F.RDONLY_PROG | F.WRONLY_PROG;
const PROGRAM_ACCESS = F.RDONLY_PROG | F.WRONLY_PROG;
const INT_MAX = 0x7fff_ffff;
const PAGE = 4096;
/** `PCPU_MIN_UNIT_SIZE` */
const PERCPU_MAX = 32 << 10;
/** `KMALLOC_MAX_SIZE` */
const KMALLOC_MAX = 4 << 20;

const exactly = (field: "keySize" | "valueSize" | "maxEntries", size: number): MapCheck => ({
  kind: "range",
  field,
  min: size,
  max: size,
});
const atLeast = (field: "keySize" | "valueSize" | "maxEntries", min: number): MapCheck => ({
  kind: "range",
  field,
  min,
});
const percpuValue: MapCheck = { kind: "range", field: "valueSize", max: PERCPU_MAX, errno: Errno.E2BIG };

/** `array_map_alloc_check` */
function array(...own: readonly MapCheck[]): MapCheck[] {
  return [
    atLeast("maxEntries", 1),
    exactly("keySize", 4),
    atLeast("valueSize", 1),
    { kind: "flagsOutside", mask: F.NUMA_NODE | F.MMAPABLE | ACCESS | F.PRESERVE_ELEMS | F.INNER_MAP },
    { kind: "flagsAccess" },
    ...own,
    { kind: "range", field: "valueSize", max: INT_MAX, errno: Errno.E2BIG },
  ];
}

/** `fd_array_map_alloc_check` */
function fdArray(...own: readonly MapCheck[]): MapCheck[] {
  return [
    exactly("valueSize", 4),
    { kind: "flagsNone", mask: PROGRAM_ACCESS },
    ...array({ kind: "flagsNone", mask: F.MMAPABLE | F.INNER_MAP }, ...own),
  ];
}

/** `htab_map_alloc_check` */
function hash(...own: readonly MapCheck[]): MapCheck[] {
  return [
    {
      kind: "flagsOutside",
      mask: F.NO_PREALLOC | F.NO_COMMON_LRU | F.NUMA_NODE | ACCESS | F.ZERO_SEED,
    },
    { kind: "flagsAccess" },
    ...own,
    atLeast("maxEntries", 1),
    atLeast("keySize", 1),
    atLeast("valueSize", 1),
    { kind: "element", header: "htab_elem", below: KMALLOC_MAX, errno: Errno.E2BIG },
  ];
}

const NO_PRESERVE: MapCheck = { kind: "flagsNone", mask: F.PRESERVE_ELEMS };
const NO_LRU: MapCheck = { kind: "flagsNone", mask: F.NO_COMMON_LRU };
const HASH_LIMIT: MapCheck = {
  kind: "range",
  field: "maxEntries",
  // The table of buckets, 16 bytes each and a power of two of them, has to stay below 4 GiB (htab_map_alloc).
  max: 2 ** 27,
  errno: Errno.E2BIG,
};
const PREALLOCATED: MapCheck = { kind: "flagsNone", mask: F.NO_PREALLOC, errno: Errno.ENOTSUPP };
const NO_NODE_FOR_EACH: MapCheck = { kind: "flagsTogether", mask: F.NUMA_NODE | F.NO_COMMON_LRU };
const NO_NODE: MapCheck = { kind: "flagsNone", mask: F.NUMA_NODE };
const RING: readonly MapCheck[] = [
  { kind: "flagsOutside", mask: F.NUMA_NODE },
  exactly("keySize", 0),
  exactly("valueSize", 0),
  { kind: "range", field: "maxEntries", min: PAGE, powerOfTwo: true, multipleOf: PAGE },
];
const QUEUE: readonly MapCheck[] = [
  atLeast("maxEntries", 1),
  exactly("keySize", 0),
  atLeast("valueSize", 1),
  { kind: "flagsOutside", mask: F.NUMA_NODE | ACCESS },
  { kind: "flagsAccess" },
  { kind: "range", field: "valueSize", max: KMALLOC_MAX, errno: Errno.E2BIG },
];

const USER_ACCESS = F.NUMA_NODE | F.RDONLY | F.WRONLY;
/** `dev_map_alloc_check` */
const DEVICES: readonly MapCheck[] = [
  atLeast("maxEntries", 1),
  exactly("keySize", 4),
  { kind: "oneOf", field: "valueSize", values: [4, 8] },
  { kind: "flagsOutside", mask: USER_ACCESS },
];
/** What `sock_map_alloc` and `sock_hash_alloc` share. */
const SOCKETS: readonly MapCheck[] = [
  atLeast("maxEntries", 1),
  { kind: "oneOf", field: "valueSize", values: [4, 8] },
  { kind: "flagsOutside", mask: USER_ACCESS },
];
/** `bpf_local_storage_map_alloc_check` */
const LOCAL_STORAGE: readonly MapCheck[] = [
  { kind: "flagsOutside", mask: F.NO_PREALLOC | F.CLONE },
  { kind: "flagsAll", mask: F.NO_PREALLOC },
  exactly("maxEntries", 0),
  exactly("keySize", 4),
  atLeast("valueSize", 1),
  { kind: "typed" },
  { kind: "localStorage", header: "bpf_local_storage_elem" },
];

/** `cgroup_storage_map_alloc` */
function cgroupStorage(...own: readonly MapCheck[]): MapCheck[] {
  return [
    // A cgroup's id, or that with an attach type: struct bpf_cgroup_storage_key.
    { kind: "oneOf", field: "keySize", values: [8, 16] },
    atLeast("valueSize", 1),
    { kind: "localStorage", header: "bpf_local_storage_elem" },
    ...own,
    { kind: "flagsOutside", mask: F.NUMA_NODE | ACCESS },
    { kind: "flagsAccess" },
    exactly("maxEntries", 0),
  ];
}

/** Rules by `BpfMapType`. */
export const MAP_RULES: ReadonlyMap<number, MapRule> = new Map<number, MapRule>([
  [M.HASH, { checks: [...hash(NO_LRU)], allocation: [HASH_LIMIT] }],
  [M.PERCPU_HASH, { checks: [...hash(NO_LRU, NO_NODE), percpuValue], allocation: [HASH_LIMIT] }],
  [M.LRU_HASH, { checks: [...hash(PREALLOCATED, NO_NODE_FOR_EACH)], allocation: [HASH_LIMIT] }],
  [M.LRU_PERCPU_HASH, { checks: [...hash(PREALLOCATED, NO_NODE), percpuValue], allocation: [HASH_LIMIT] }],
  [M.ARRAY, { checks: array(NO_PRESERVE) }],
  [
    M.PERCPU_ARRAY,
    {
      checks: [
        ...array(NO_NODE, { kind: "flagsNone", mask: F.MMAPABLE | F.INNER_MAP }, NO_PRESERVE),
        percpuValue,
      ],
    },
  ],
  [M.PROG_ARRAY, { checks: fdArray(NO_PRESERVE) }],
  [M.PERF_EVENT_ARRAY, { checks: fdArray() }],
  [M.CGROUP_ARRAY, { checks: fdArray(NO_PRESERVE) }],
  [M.ARRAY_OF_MAPS, { checks: fdArray(NO_PRESERVE), inner: true }],
  [
    M.HASH_OF_MAPS,
    { checks: [exactly("valueSize", 4), ...hash(NO_LRU)], allocation: [HASH_LIMIT], inner: true },
  ],
  [M.QUEUE, { checks: QUEUE }],
  [M.STACK, { checks: QUEUE }],
  [
    M.LPM_TRIE,
    {
      checks: [],
      allocation: [
        atLeast("maxEntries", 1),
        { kind: "flagsAll", mask: F.NO_PREALLOC },
        { kind: "flagsOutside", mask: F.NO_PREALLOC | F.NUMA_NODE | ACCESS },
        { kind: "flagsAccess" },
        { kind: "range", field: "keySize", min: 5, max: 4 + 256 },
        // LPM_VAL_SIZE_MAX: a node with the longest key fits into an allocation.
        { kind: "range", field: "valueSize", min: 1, max: KMALLOC_MAX - 256 - 24 },
      ],
    },
  ],
  [M.RINGBUF, { checks: [], allocation: RING }],
  [M.USER_RINGBUF, { checks: [], allocation: RING }],
  [
    M.BLOOM_FILTER,
    {
      checks: [{ kind: "range", field: "valueSize", max: KMALLOC_MAX, errno: Errno.E2BIG }],
      allocation: [
        exactly("keySize", 0),
        atLeast("valueSize", 1),
        atLeast("maxEntries", 1),
        { kind: "flagsOutside", mask: F.NUMA_NODE | F.ZERO_SEED | ACCESS },
        { kind: "flagsAccess" },
        { kind: "extra", max: 15n },
      ],
      extra: true,
    },
  ],
  [
    M.STACK_TRACE,
    {
      checks: [],
      allocation: [
        { kind: "flagsOutside", mask: F.NUMA_NODE | F.RDONLY | F.WRONLY | F.STACK_BUILD_ID },
        atLeast("maxEntries", 1),
        exactly("keySize", 4),
        { kind: "range", field: "valueSize", min: 8, multipleOf: 8 },
        // 8 bytes of an address, or a struct bpf_stack_build_id; sysctl kernel.perf_event_max_stack.
        { kind: "records", size: 8, flag: F.STACK_BUILD_ID, sizeWithFlag: 32, max: 127 },
        { kind: "range", field: "maxEntries", max: 2 ** 31, errno: Errno.E2BIG },
      ],
    },
  ],
  [M.DEVMAP, { checks: DEVICES }],
  [M.DEVMAP_HASH, { checks: [...DEVICES, { kind: "range", field: "maxEntries", max: 2 ** 31 }] }],
  [
    M.CPUMAP,
    {
      checks: [],
      allocation: [
        atLeast("maxEntries", 1),
        exactly("keySize", 4),
        { kind: "oneOf", field: "valueSize", values: [4, 8] },
        { kind: "flagsOutside", mask: F.NUMA_NODE },
        { kind: "cpus" },
      ],
    },
  ],
  [
    M.XSKMAP,
    {
      checks: [],
      allocation: [
        atLeast("maxEntries", 1),
        exactly("keySize", 4),
        exactly("valueSize", 4),
        { kind: "flagsOutside", mask: USER_ACCESS },
      ],
    },
  ],
  [M.SOCKMAP, { checks: [], allocation: [exactly("keySize", 4), ...SOCKETS] }],
  [
    M.SOCKHASH,
    {
      checks: [],
      allocation: [
        atLeast("keySize", 1),
        ...SOCKETS,
        // MAX_BPF_STACK: a key lies on the stack.
        { kind: "range", field: "keySize", max: 512, errno: Errno.E2BIG },
      ],
    },
  ],
  [M.CGROUP_STORAGE, { checks: [], allocation: cgroupStorage() }],
  [
    M.PERCPU_CGROUP_STORAGE,
    {
      checks: [],
      allocation: cgroupStorage({ kind: "range", field: "valueSize", max: PERCPU_MAX, errno: Errno.E2BIG }),
    },
  ],
  [
    M.REUSEPORT_SOCKARRAY,
    {
      checks: [
        { kind: "oneOf", field: "valueSize", values: [4, 8] },
        ...array(NO_PRESERVE, { kind: "flagsNone", mask: F.MMAPABLE | F.INNER_MAP }),
      ],
    },
  ],
  [M.SK_STORAGE, { checks: LOCAL_STORAGE }],
  [M.INODE_STORAGE, { checks: LOCAL_STORAGE }],
  [M.TASK_STORAGE, { checks: LOCAL_STORAGE }],
  [M.CGRP_STORAGE, { checks: LOCAL_STORAGE }],
  [
    M.STRUCT_OPS,
    {
      checks: [
        exactly("keySize", 4),
        exactly("maxEntries", 1),
        { kind: "flagsOutside", mask: F.LINK | F.VTYPE_BTF_OBJ_FD },
        { kind: "kernelTyped" },
      ],
    },
  ],
  [
    M.ARENA,
    {
      checks: [],
      allocation: [
        exactly("keySize", 0),
        exactly("valueSize", 0),
        atLeast("maxEntries", 1),
        { kind: "flagsAll", mask: F.MMAPABLE },
        { kind: "flagsOutside", mask: F.SEGV_ON_FAULT | F.MMAPABLE | F.NO_USER_CONV },
        { kind: "arena" },
      ],
      extra: true,
    },
  ],
]);
