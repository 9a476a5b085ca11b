/**
 * The table of regions: a count, then entries sorted by `START`. A table is never changed once it is live; each change
 * makes a new one and retires the old.
 */
export const REGION_TABLE_HEADER = 16;

export const REGION_ENTRY_SIZE = 32;

/** Words of an entry. */
export const RegionEntry = {
  START: 0,
  END: 4,
  ACCESS: 8,
  STRIDE: 12,
  SIZE: 16,
  /** Offset of what the region is: a byte count, then UTF-8. */
  WHAT: 20,
  HANDLE: 24,
  /** 1: `WHAT` is freed with the region. */
  OWNS_WHAT: 28,
} as const;
