import type { KernelLayout } from "../../platform/index.ts";

/** `TCP_SKB_MIN_TRUESIZE`: half of the least send buffer, and the least receive buffer. */
export function leastBuffer({ layout }: { readonly layout: KernelLayout }): number {
  return 2048 + ((layout.sizeOf("sk_buff") + 63) & -64);
}
