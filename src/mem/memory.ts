import type { MemoryFunctions } from "./memory-module.ts";

/**
 * The one memory of a kernel: everything that a BPF program or a helper can touch lives in it, and interpreter, JIT
 * code, helpers and host see the same bytes.
 *
 * Offsets are unsigned 32-bit numbers (`>>> 0` where they come out of Wasm); 0 stands for "none".
 */
export interface KernelMemory {
  /** Shared wherever the platform allows it. */
  readonly memory: WebAssembly.Memory;
  /** In Wasm pages of 64 KiB. */
  readonly maximumPages: number;
  /** False only where the platform refuses shared memory: then there is one executor. */
  readonly shared: boolean;
  /** What the platform refused when the memory was made, one sentence each. */
  readonly notes: readonly string[];
  /** The emitted functions as this executor's host code calls them. */
  readonly functions: MemoryFunctions;
  /** What a module that {@link MemoryImports} declared imports for is instantiated with. */
  readonly imports: Readonly<Record<string, Record<string, unknown>>>;

  /**
   * Views of the whole memory as it is now. Growing the memory makes older views too short, so a view is taken afresh
   * in each call and never kept across one that could allocate.
   */
  view(): DataView;
  bytes(): Uint8Array;
  words(): Int32Array;

  /**
   * A zeroed block of at least `size` bytes, aligned to `alignment` (a power of two; 8 unless told, 4096 at the most).
   *
   * @returns its offset, or 0 where memory is exhausted (ENOMEM).
   */
  alloc(size: number, alignment?: number): number;

  /**
   * Returns a block at once. Only for what no program can hold a pointer to.
   *
   * @throws {BadFree} for a block that was freed or retired before, and for an offset that is no block.
   */
  free(offset: number): void;

  /**
   * Returns a block once every executor has passed a quiescent point: freed elements, maps, code, kptrs.
   *
   * @throws {BadFree} as {@link free}.
   */
  retire(offset: number): void;

  /** Ranges that checked mode allows programs to access. */
  readonly regions: Regions;

  readonly executors: KernelExecutors;

  /** Bytes in blocks handed out and not yet returned. */
  readonly used: number;
}

/**
 * Who runs programs on a memory, and where each is between two runs.
 *
 * A quiescent point is a moment at which an executor holds no offset of anything that could be retired: between two
 * runs. Executor 0 is the thread that made the memory, and online from the start.
 */
export interface KernelExecutors {
  /** Executors added and not yet removed. */
  readonly count: number;
  /**
   * Adds an executor, offline at first. The first call after executor 0 is made on executor 0's thread, outside every
   * run, before the new executor begins: from then on emitted functions take locks.
   *
   * @returns its id, from 0.
   * @throws {TsbpfError} where there are 64.
   * @throws {NotSupported} for a second one of a memory that is not shared.
   */
  add(): number;
  /** Ends an executor: its id is free. */
  remove(id: number): void;
  /** It may run programs from now on, and holds up what is retired until it says otherwise. */
  online(id: number): void;
  /** It runs nothing until it is online again: an executor that waits holds up nothing. */
  offline(id: number): void;
  /** It is at a quiescent point. Costs a load where nothing waits to be freed. */
  quiesce(id: number): void;
  /** It is at a run from now on, which nobody has interrupted; runs are told apart by numbers, 0 is none. */
  begin(id: number, run: number): void;
  /** Has programs of the executor that poll end, if it is still at that run. */
  interrupt(id: number, run: number): void;
  /** Gives back what it holds of locks that may fail (`res_lock`), and takes note that it holds none. */
  releaseLocks(id: number): void;
}

/** What a program may do in a region, and what a region is. */
export const RegionAccess = {
  READ: 1,
  WRITE: 2,
  READ_WRITE: 3,
  /** The region is a `struct bpf_map`: its start is an address that map arguments take. */
  MAP: 4,
} as const;

/**
 * Live regions: what the checked mode of an engine tests every access against.
 *
 * A region may be a series of equal elements of which only a part is accessible (the values inside the elements of a
 * hash map): `stride` bytes apart, `size` accessible bytes from `start` on in each, until `end`.
 */
export interface Region {
  /** Offset of the first accessible byte. */
  readonly start: number;
  /** Offset after the last byte of the whole region. */
  readonly end: number;
  /** Bits of {@link RegionAccess}. */
  readonly access: number;
  /** Distance of two elements in bytes; 0: one range. */
  readonly stride: number;
  /** Accessible bytes in each element; unused where `stride` is 0. */
  readonly size: number;
  /** For messages of a refused access: `"value of map flows"`. */
  readonly what: string;
}

export interface Regions {
  /** Regions that are live. */
  readonly count: number;
  /**
   * Adds a region; regions never overlap.
   *
   * @returns a handle for `remove`.
   * @throws {TsbpfError} for an overlap, an empty region, and where memory is exhausted.
   */
  add(region: Region): number;
  /** As {@link add}; 0 where memory is exhausted. */
  tryAdd(region: Region): number;
  remove(handle: number): void;
  /** The region that holds an offset (accessible or not), for messages. */
  find(offset: number): Region | null;
  /** The region of an index that the emitted check gave, as long as the table has not changed. */
  at(index: number): Region | null;
  /** A block with the text of `Region.what`, as the emitted `region_add` takes it. 0 where memory is exhausted. */
  name(text: string): number;
  /** Whether `length` bytes at `offset` may be accessed so: the host's form of the check that emitted code makes. */
  allows(offset: number, length: number, access: number): boolean;
}
