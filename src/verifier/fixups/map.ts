/** A map that a program refers to. The same object for the same map: maps are told apart by identity. */
export interface FixupMap {
  /** A value of `BpfMapType`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly id: number;
  /** What programs hold as the map's address. */
  readonly address: bigint;
  /** Of element 0, where the type has values at fixed places; else 0. */
  readonly valueAddress: bigint;
  /**
   * Of a map of maps: what its inner maps are like (`inner_map_meta`), an object of its own. Lookups in these can be
   * written out too.
   */
  readonly inner?: FixupMap | null;
  /**
   * Of an array: whoever made it may look into the kernel (CAP_PERFMON), as the loader where absent: its indexes are
   * not masked.
   */
  readonly bypassSpecV1?: boolean;
}
