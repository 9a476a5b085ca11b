import { type Bounds, draftOf } from "./bounds.ts";
import { synced } from "./sync.ts";
import { tnumBswap } from "./tnum.ts";
import { truncated, unbound32, unbound64 } from "./truncate.ts";

/**
 * The low `bits` (16, 32 or 64), zero-extended, with their bytes `swapped` or as they are (`scalar_byte_swap`). Ranges
 * do not outlive a swap, but for what the known bits tell.
 */
export function inByteOrder(bounds: Bounds, bits: number, swapped: boolean): Bounds {
  const draft = draftOf(bounds);
  if (swapped) {
    draft.tnum = tnumBswap(draft.tnum, bits);
    unbound32(draft);
    unbound64(draft);
  }
  return synced(bits < 64 ? draftOf(truncated(draft, bits >> 3)) : draft);
}
