import type { KernelMemory } from "../mem/index.ts";
import type { ArenaPages } from "./arena.ts";
import type { MapCode } from "./map-code.ts";
import type { FreeFields, MapShape } from "./operations.ts";
import type { SocketLayout } from "./socket-fields.ts";

/** What maps need of the kernel that they live in. */
export interface MapEnvironment {
  readonly memory: KernelMemory;
  /** Possible CPUs: how many values a per-CPU map has. */
  readonly cpus: number;
  /** `sizeof(struct bpf_map)` in the kernel's BTF: the bytes that every map object begins with. */
  readonly bpfMapSize: number;
  /** Where maps of sockets find what they look at; without it they hold no sockets that programs may use. */
  readonly sockets?: SocketLayout;
  /** 32 random bits: the seed of a hash table without `BPF_F_ZERO_SEED`. */
  readonly random: () => number;
  /** Where given, the map's header names the table indices of its operations, for callers that do not know its shape. */
  readonly code?: MapCode;
  /** Ends what a value owns (`bpf_obj_free_fields`); nothing unless told. */
  readonly freeFields?: FreeFields;
  /**
   * Does something when no other executor holds a pointer any more that it had when this was called; at once unless
   * told.
   */
  readonly whenQuiet?: (act: () => void) => void;
}

/** A map in the one memory. */
export interface MapStorage {
  /** Offset of its `struct bpf_map`, which the kernel fills in: what programs hold as the map's address. */
  readonly offset: number;
  readonly shape: MapShape;
  /** Offset of the values of an array (element 0), for direct value access; 0 where the type has none. */
  readonly values: number;
  /** The pages of an arena; null for other types. */
  readonly arena: ArenaPages | null;
  /** Elements of a hash table; 0 for other types. */
  readonly count: number;
  /** Buckets of a hash table; 0 for other types. */
  buckets(): number;
  /** Offsets of the keys in one bucket of a hash table, as they lie in its elements: what bucket-wise batches walk. */
  keysOf(bucket: number): readonly number[];
  /**
   * Does something while no other executor changes a bucket of a hash table; it must not change the table itself.
   */
  whileLocked<T>(bucket: number, act: () => T): T;
  /** The function-table index in a slot of a program array: 0 where it is empty, out of bounds, or of another type. */
  slot(index: number): number;
  /** Writes a slot of a program array. @returns false where there is none. */
  setSlot(index: number, value: number): boolean;
  /** Says where the values of a cgroup storage are while its program runs; 0 where they are not. */
  useValues(offset: number): void;
  /** Ends timers and work queues in values: nobody in user space holds the map any more (`map_release_uref`). */
  freeTimers(): void;
  /** Frees everything, after a quiescent point; until then programs that run may use the map. */
  close(): void;
}
