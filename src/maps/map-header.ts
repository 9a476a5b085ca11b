/**
 * What the operations of a map need, in front of the `struct bpf_map` that programs hold the address of.
 *
 * ```text
 *   block                     map offset
 *  +-------------------------+------------------+
 *  | header, 192 bytes       | struct bpf_map   |
 *  +-------------------------+------------------+
 * ```
 *
 * Offsets count from the header's start. Fields of the first group never change while the map exists, and code for a
 * constant map holds them as constants.
 */
export const MAP_HEADER_SIZE = 192;

export const MapField = {
  // Fixed.
  /** Hash, stack traces: offset of the buckets. */
  BUCKETS: 0,
  /** Hash, stack traces: number of buckets less one. */
  MASK: 4,
  /** Hash: 64 bits that keys are hashed with. */
  SEED: 8,
  MAX_ENTRIES: 16,
  /** Array: offset of element 0 (of CPU 0). */
  VALUES: 20,
  /** Per-CPU array: bytes from one CPU's area to the next. */
  CPU_STRIDE: 24,
  CPUS: 28,
  TYPE: 32,
  KEY_SIZE: 36,
  VALUE_SIZE: 40,
  /** `BPF_F_*` as the map was created with. */
  FLAGS: 44,
  /** LRU: offset of its lists, and how many elements a CPU takes from the common ones at once. */
  LRU: 48,
  LRU_TARGET: 52,
  /** Hash: offset of the spare element of each executor, by which it replaces a value; 0 where values are not. */
  SPARES: 64,
  /** Text of the regions of its values. */
  WHAT: 68,
  /** Bits of `RegionAccess` that programs have on its values. */
  ACCESS: 72,
  /** Maps of sockets: offset of the words of `SocketField`. */
  SOCKETS: 116,
  /** Special fields of its values, as `RecordField` has them; 0 where there are none. */
  RECORD: 120,
  /** Arena: offset of the words of `ArenaField`. */
  ARENA: 124,
  /** Indices of the operations in every executor's table, by `MapOperationSlot`; 0 where programs may not call one. */
  OPERATIONS: 128,
  /** Queue: places of its ring, one more than it has entries; filter: its bits less one. */
  PLACES: 160,
  /** Filter: hash functions. */
  HASHES: 164,
  // Changing.
  /** Elements in a hash table or a trie. */
  COUNT: 80,
  /** Lock of the pool of elements. */
  POOL_LOCK: 84,
  /** First of the list of free elements, or of free stacks. */
  FREE: 88,
  /** First element that was never used, and the end of those. */
  FRESH: 92,
  FRESH_END: 96,
  /** Per-CPU hash: the value of the first element that was never used. */
  FRESH_VALUE: 100,
  /** Bytes from one CPU's values to the next among those. */
  FRESH_STRIDE: 104,
  /** Elements that the pool was given so far. */
  POOLED: 108,
  /** First slab of elements; of storage of objects its first value. */
  SLABS: 112,
  /** Lock of a trie or a queue. */
  LOCK: 168,
  /** Trie: its root; queue: where the next element goes. */
  ROOT: 172,
  HEAD: 172,
  /** Queue: the oldest element. */
  TAIL: 176,
  /** Trie: first and last node that nobody finds any more, and the epoch that the last was noted in. */
  LIMBO: 176,
  LIMBO_LAST: 180,
  LIMBO_EPOCH: 184,
} as const;

/** Order of the operations in the header. */
export const MapOperationSlot = {
  LOOKUP: 0,
  UPDATE: 1,
  DELETE: 2,
  NEXT_KEY: 3,
  PUSH: 4,
  POP: 5,
  PEEK: 6,
} as const;

/**
 * A slab of elements, in front of them; a map that does not preallocate gets more and larger ones as it fills.
 *
 * ```text
 *  +------+--------+--------------------------+------------------------------------------------+
 *  | next | region | 8 bytes unused; elements | per-CPU: values of CPU 0, of CPU 1 …, 64-byte  |
 *  +------+--------+--------------------------+------------------------------------------------+
 * ```
 */
export const SLAB_HEADER_SIZE = 16;

export const SlabField = { NEXT: 0, REGION: 4 } as const;
