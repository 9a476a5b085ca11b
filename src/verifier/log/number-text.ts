/** Numbers as the verifier's log writes them: small ones in decimal, others in hexadecimal (kernel/bpf/log.c). */

const U16_MAX = 0xffffn;
const S16_MAX = 0x7fffn;
const S16_MIN = -0x8000n;

/** `%#llx`, in the kernel's way: 0 has the prefix too. */
function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** `verbose_unum`, of an unsigned value. */
export function unsignedText(value: bigint): string {
  return value <= U16_MAX ? value.toString() : hex(value);
}

/** `verbose_snum`, of a signed value. */
export function signedText(value: bigint): string {
  return isSignedDecimal(value) ? value.toString() : hex(value);
}

export function isSignedDecimal(value: bigint): boolean {
  return value >= S16_MIN && value <= S16_MAX;
}

/** `tnum_strn`: a constant, or `(value; mask)`. */
export function tnumText(value: bigint, mask: bigint): string {
  return mask === 0n ? unsignedText(value) : `(${hex(value)}; ${hex(mask)})`;
}
