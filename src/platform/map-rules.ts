import { Errno, BpfMapFlag as F, BpfMapType as M } from "../uapi/index.ts";
import type { KernelLayout } from "./kernel-layout.ts";

/** The attributes of BPF_MAP_CREATE that a map type judges. */
export interface MapCreateAttributes {
  /** A value of `BpfMapType`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*` */
  readonly flags: number;
  readonly mapExtra?: bigint;
}

/** One reason for which a map is refused. The first that applies decides the error. */
export type MapCheck =
  /** Flags that the type does not know. */
  | { readonly kind: "flagsOutside"; readonly mask: number }
  /** Flags of which none may be there. */
  | { readonly kind: "flagsNone"; readonly mask: number; readonly errno?: number }
  /** A flag that must be there. */
  | { readonly kind: "flagsAll"; readonly mask: number }
  /** Not both read-only and write-only for programs (`bpf_map_flags_access_ok`). */
  | { readonly kind: "flagsAccess" }
  | {
      readonly kind: "range";
      readonly field: "keySize" | "valueSize" | "maxEntries";
      readonly min?: number;
      readonly max?: number;
      readonly multipleOf?: number;
      readonly powerOfTwo?: boolean;
      readonly errno?: number;
    }
  /** Header, key and value of an element together, in bytes: fewer than `below`. */
  | { readonly kind: "element"; readonly header: string; readonly below: number; readonly errno: number }
  /** `map_extra`, for the types that have one. */
  | { readonly kind: "extra"; readonly max: bigint };

/** What a map type accepts: its `map_alloc_check`, and the first lines of its `map_alloc`. */
export interface MapRule {
  readonly checks: readonly MapCheck[];
  /** `map_extra` means something. */
  readonly extra?: boolean;
  /** Holds maps, and needs an inner map to be created with. */
  readonly inner?: boolean;
}

const ACCESS = F.RDONLY | F.WRONLY | F.RDONLY_PROG | F.WRONLY_PROG;
const PROGRAM_ACCESS = F.RDONLY_PROG | F.WRONLY_PROG;
const INT_MAX = 0x7fff_ffff;
const U32_MAX = 0xffff_ffff;
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

/** Rules by `BpfMapType`. */
export const MAP_RULES: ReadonlyMap<number, MapRule> = new Map<number, MapRule>([
  [M.HASH, { checks: [...hash(NO_LRU), HASH_LIMIT] }],
  [M.PERCPU_HASH, { checks: [...hash(NO_LRU, NO_NODE), percpuValue, HASH_LIMIT] }],
  [M.LRU_HASH, { checks: [...hash(PREALLOCATED), HASH_LIMIT] }],
  [M.LRU_PERCPU_HASH, { checks: [...hash(PREALLOCATED, NO_NODE), percpuValue, HASH_LIMIT] }],
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
  [M.HASH_OF_MAPS, { checks: [exactly("valueSize", 4), ...hash(NO_LRU), HASH_LIMIT], inner: true }],
  [M.QUEUE, { checks: QUEUE }],
  [M.STACK, { checks: QUEUE }],
  [
    M.LPM_TRIE,
    {
      checks: [
        atLeast("maxEntries", 1),
        { kind: "flagsAll", mask: F.NO_PREALLOC },
        { kind: "flagsOutside", mask: F.NO_PREALLOC | F.NUMA_NODE | ACCESS },
        { kind: "flagsAccess" },
        { kind: "range", field: "keySize", min: 5, max: 4 + 256 },
        // LPM_VAL_SIZE_MAX: a node with the longest key fits into an allocation.
        { kind: "range", field: "valueSize", min: 1, max: KMALLOC_MAX - 256 - 40 },
      ],
    },
  ],
  [M.RINGBUF, { checks: RING }],
  [M.USER_RINGBUF, { checks: RING }],
  [
    M.BLOOM_FILTER,
    {
      checks: [
        { kind: "range", field: "valueSize", max: KMALLOC_MAX, errno: Errno.E2BIG },
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
]);

/**
 * Whether Linux 6.18 would create such a map, as far as its type alone decides.
 *
 * @returns 0, or a negative errno; EINVAL for a type without a rule.
 */
export function checkMapCreate(attributes: MapCreateAttributes, layout: KernelLayout): number {
  const rule = MAP_RULES.get(attributes.type);
  if (rule === undefined) return -Errno.EINVAL;
  if (!rule.extra && (attributes.mapExtra ?? 0n) !== 0n) return -Errno.EINVAL;
  for (const check of rule.checks) {
    const errno = violated(check, attributes, layout);
    if (errno !== 0) return -errno;
  }
  return 0;
}

/** The errno of a check that an attribute fails, or 0. */
function violated(check: MapCheck, attributes: MapCreateAttributes, layout: KernelLayout): number {
  const { flags } = attributes;
  switch (check.kind) {
    case "flagsOutside":
      return (flags & ~check.mask) !== 0 ? Errno.EINVAL : 0;
    case "flagsNone":
      return (flags & check.mask) !== 0 ? (check.errno ?? Errno.EINVAL) : 0;
    case "flagsAll":
      return (flags & check.mask) !== check.mask ? Errno.EINVAL : 0;
    case "flagsAccess":
      return (flags & PROGRAM_ACCESS) === PROGRAM_ACCESS ? Errno.EINVAL : 0;
    case "range":
      return inRange(attributes[check.field], check) ? 0 : (check.errno ?? Errno.EINVAL);
    case "element":
      return attributes.keySize + attributes.valueSize + layout.sizeOf(check.header) >= check.below
        ? check.errno
        : 0;
    default:
      return (attributes.mapExtra ?? 0n) > check.max ? Errno.EINVAL : 0;
  }
}

function inRange(value: number, range: Extract<MapCheck, { kind: "range" }>): boolean {
  const { min = 0, max = U32_MAX, multipleOf = 1, powerOfTwo = false } = range;
  if (value < min || value > max || value % multipleOf !== 0) return false;
  return !powerOfTwo || Number.isInteger(Math.log2(value));
}
