/**
 * Functions that only rewritten code calls, in the place of helpers. Their ids are above every `BPF_FUNC_*` and can
 * stand in no program as it is loaded.
 */
export const InternalHelper = {
  /** `(skb, r2: offset) → byte, or a negative errno`; what LD_ABS and LD_IND of a byte become. */
  skbLoad8: 0x4000_0001,
  /** As `skbLoad8`, two bytes in host order. */
  skbLoad16: 0x4000_0002,
  /** As `skbLoad8`, four bytes in host order. */
  skbLoad32: 0x4000_0003,
} as const;
export type InternalHelper = (typeof InternalHelper)[keyof typeof InternalHelper];

/** The kernel functions of the same duty. */
export const INTERNAL_SYMBOLS: { readonly [id: number]: string } = {
  [InternalHelper.skbLoad8]: "bpf_skb_load_helper_8_no_cache",
  [InternalHelper.skbLoad16]: "bpf_skb_load_helper_16_no_cache",
  [InternalHelper.skbLoad32]: "bpf_skb_load_helper_32_no_cache",
};
