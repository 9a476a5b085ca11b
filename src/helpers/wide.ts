import type { HelperCall } from "./helper.ts";

/** A whole number below 2^53 as the two halves of an `i64` result. */
export function wide(call: HelperCall, value: number): number {
  call.resultHigh = Math.floor(value / 2 ** 32);
  return value | 0;
}

/** 64 bits as the two halves of an `i64` result. */
export function wideBits(call: HelperCall, value: bigint): number {
  call.resultHigh = Number(BigInt.asIntN(32, value >> 32n));
  return Number(BigInt.asIntN(32, value));
}
