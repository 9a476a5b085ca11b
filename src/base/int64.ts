/** 64-bit integers where they cross from `bigint` to pairs of 32 bits, and their printed forms. */

import { textOf } from "./text.ts";

export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The low 32 bits, as a signed number (what Wasm's `i32` takes). */
export function low32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** The high 32 bits, as a signed number. */
export function high32(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

/** Joins two halves, of either sign, to an unsigned 64-bit value. */
export function u64(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Joins two halves to a signed 64-bit value. */
export function s64(low: number, high: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

/** `0x…` in lower case without leading zeros, of the unsigned 64-bit value. */
export function hex64(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** Bytes whose digits are put together as strings: of more, each of those parts would be an object that lives on. */
const HEX_IN_PARTS = 64;

/** Two hex digits for each byte, with nothing between. */
export function hexOf(bytes: Uint8Array): string {
  if (bytes.length > HEX_IN_PARTS) return textOf(hexDigits(bytes));
  let out = "";
  for (const byte of bytes) out += (byte + 0x100).toString(16).slice(1);
  return out;
}

function hexDigits(bytes: Uint8Array): Uint8Array {
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    digits[2 * i] = hexDigit(bytes[i]! >> 4);
    digits[2 * i + 1] = hexDigit(bytes[i]! & 0xf);
  }
  return digits;
}

/** The character, 0 to f. */
function hexDigit(value: number): number {
  return value + (value < 10 ? 0x30 : 0x57);
}

/** The bytes of a string of hex digits; blanks between bytes are allowed. `null` where it is not one. */
export function bytesOfHex(text: string): Uint8Array | null {
  const digits = text.replaceAll(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return null;
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
