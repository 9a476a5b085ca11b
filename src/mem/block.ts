/**
 * Blocks of the heap. They lie side by side, headers included, and two free ones never touch.
 *
 * ```text
 *   header                                payload (a multiple of 8 bytes, at least 16)
 *  +-----------------------+-------------+--------------------------------------------------+
 *  | payload size | flags  | seal        | handed out: the caller's                         |
 *  | 32 bits, low 3 flags  | 32 bits     | free: next, previous of its list … header offset |
 *  +-----------------------+-------------+--------------------------------------------------+
 * ```
 *
 * The seal of a block that is handed out is its own offset, xored with {@link SEAL}: what tells a block from garbage.
 * That of a retired block is the next one of its list. The last word of a free payload is the offset of its header,
 * by which the block behind it finds its start.
 */
export const HEADER_SIZE = 8;

export const MIN_PAYLOAD = 16;

/** What can remain of a block as a block of its own. */
export const MIN_BLOCK = HEADER_SIZE + MIN_PAYLOAD;

export const BlockFlag = {
  FREE: 1,
  /** The block before this one is free. */
  PREVIOUS_FREE: 2,
  /** Waits for its epoch to pass. */
  RETIRED: 4,
} as const;

export const BLOCK_FLAGS = 7;

/** Offset of the seal in the header. */
export const SEAL_AT = 4;

export const SEAL = 0xb10c_5ea1;
