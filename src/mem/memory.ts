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

  /** Returns a block at once. Only for what no program can hold a pointer to. */
  free(offset: number): void;

  /** Returns a block once every executor has passed a quiescent point: freed elements, maps, code, kptrs. */
  retire(offset: number): void;

  /** Ranges that checked mode allows programs to access. */
  readonly regions: Regions;

  /** Bytes in blocks handed out and not yet returned. */
  readonly used: number;
}

/** What a program may do in a region. */
export const RegionAccess = { READ: 1, WRITE: 2, READ_WRITE: 3 } as const;

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
  /** A value of {@link RegionAccess}. */
  readonly access: number;
  /** Distance of two elements in bytes; 0: one range. */
  readonly stride: number;
  /** Accessible bytes in each element; unused where `stride` is 0. */
  readonly size: number;
  /** For messages of a refused access: `"value of map flows"`. */
  readonly what: string;
}

export interface Regions {
  /** Adds a region; regions never overlap. @returns a handle for `remove`. */
  add(region: Region): number;
  remove(handle: number): void;
  /** The region that holds an offset, for messages. */
  find(offset: number): Region | null;
  /** Whether `length` bytes at `offset` may be accessed so: the host's form of the check that emitted code makes. */
  allows(offset: number, length: number, access: number): boolean;
}
