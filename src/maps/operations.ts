/**
 * The shape of a map: everything that its emitted operations depend on. Maps of the same shape share one set of
 * functions, compiled once for each executor; the functions take the map's offset.
 */
export interface MapShape {
  /** A value of `BpfMapType`. */
  readonly type: number;
  /** In bytes. */
  readonly keySize: number;
  /** In bytes, as the user gave it (one CPU's value for per-CPU types). */
  readonly valueSize: number;
  /** `BPF_F_*` creation flags that change the operations; all others are 0 here. */
  readonly flags: number;
  /** What of its values only the kernel may touch; absent where there is nothing. */
  readonly special?: SpecialShape;
}

/** Special fields of values, as far as the operations of a map depend on them. */
export interface SpecialShape {
  /** Where they are, in ascending order. */
  readonly holes: readonly { readonly offset: number; readonly size: number }[];
  /** Offset of the `struct bpf_spin_lock`; -1 where there is none. */
  readonly lock: number;
  /** Something ends with a value. */
  readonly frees: boolean;
}

/**
 * The operations of a map as emitted Wasm functions. All parameters and results are i32; offsets are offsets in the one
 * memory, errors are negative errno values, exactly Linux's for the same call.
 *
 * A *per-CPU value layout* is Linux's: in the memory, one value a CPU, each `round_up(valueSize, 8)` bytes, at the same
 * place in each CPU's area. What user space reads and writes is the concatenation of the rounded values of all
 * possible CPUs, CPU 0 first; the padding reads as zero.
 */
export interface MapOperations {
  /** `(map, key, cpu) → value | 0`. What `bpf_map_lookup_elem` does; for per-CPU types the value of `cpu`. A miss is 0. */
  readonly lookup: (map: number, key: number, cpu: number) => number;
  /**
   * As `lookup`, without keeping the element from being evicted, or taking a reference to a socket: what system calls
   * do. Only of LRU types and maps of sockets.
   */
  readonly inspect?: (map: number, key: number, cpu: number) => number;
  /** `(map, key, value, flags, cpu) → errno`. Flags are the low word; callers refuse a non-zero high word with EINVAL. */
  readonly update: (map: number, key: number, value: number, flags: number, cpu: number) => number;
  /** `(map, value, flags) → errno`. Only of types whose values have no keys, as the next two. */
  readonly push?: (map: number, value: number, flags: number) => number;
  /** `(map, value) → errno`: takes a value out, and writes it to `value`. */
  readonly pop?: (map: number, value: number) => number;
  /** `(map, value) → errno`: writes the value that a `pop` would give, or asks a filter for the one that is there. */
  readonly peek?: (map: number, value: number) => number;
  /** `(map, key) → errno`. ENOENT where there was none. */
  readonly delete: (map: number, key: number) => number;
  /**
   * `(map, key | 0, next) → errno`: writes the key after `key` to `next`. A key that is not in the map starts over
   * (hash) as in Linux; ENOENT at the end.
   */
  readonly nextKey: (map: number, key: number, next: number) => number;
}

/** Ends what the value of a map owns: all of it, or (`onlyTimers`) its timers and work queues. Arguments are offsets. */
export type FreeFields = (map: number, value: number, onlyTimers?: boolean) => void;
