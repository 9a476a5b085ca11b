import { TextWriter } from "../../base/index.ts";
import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { HelperCall } from "../helper.ts";
import { type Conversion, type Piece, parseFormat } from "./parse.ts";

/** Arguments as halves: low and high of each, in turn. */
export type FormatArguments = readonly number[];

/** `MAX_BPRINTF_BIN_ARGS`: bytes for copies of strings. */
const STRING_ROOM = 512;

/**
 * Formats as `bpf_bprintf_prepare` and `bstr_printf` do.
 *
 * @returns the text without a NUL, or null for a format that Linux refuses (EINVAL).
 */
export function formatText(
  call: HelperCall,
  format: Uint8Array,
  args: FormatArguments,
  limit: number,
): Uint8Array | null {
  const pieces = parseFormat(format, limit);
  if (pieces === null) return null;
  const out = new TextWriter(256);
  let next = 0;
  for (const piece of pieces) {
    if (piece.kind === "text") out.raw(format, piece.start, piece.end);
    else if (piece.kind === "percent") out.char(0x25);
    else {
      convert(call, out, piece, args[next * 2] ?? 0, args[next * 2 + 1] ?? 0);
      next++;
    }
  }
  return out.view();
}

export type { Piece };

function convert(call: HelperCall, out: TextWriter, conversion: Conversion, low: number, high: number): void {
  switch (conversion.kind) {
    case "integer":
      out.text(integer(conversion, low, high));
      return;
    case "char":
      pad(out, Uint8Array.of(low), conversion);
      return;
    case "string":
      pad(out, stringAt(call, low, high, conversion.style), conversion);
      return;
    case "pointer":
      pad(out, asciiOf(pointer(call, conversion, low, high)), conversion);
  }
}

/** `number` of lib/vsprintf.c. */
function integer({ style, size, flags, width }: Conversion, low: number, high: number): string {
  const signed = style === "d" || style === "i";
  const negative = signed && (size === 8 ? high < 0 : low < 0);
  let digits: string;
  if (size === 4) {
    digits = (negative ? -low : low >>> 0).toString(signed || style === "u" ? 10 : 16);
  } else {
    const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
    const magnitude = negative ? -value : BigInt.asUintN(64, value);
    digits = magnitude.toString(signed || style === "u" ? 10 : 16);
  }
  if (style === "X") digits = digits.toUpperCase();
  const sign = negative ? "-" : signed && flags.plus ? "+" : signed && flags.space ? " " : "";
  if (flags.left) return (sign + digits).padEnd(width);
  if (flags.zero) return sign + digits.padStart(width - sign.length, "0");
  return (sign + digits).padStart(width);
}

/** `%c` and `%s`: blanks to the width. */
function pad(out: TextWriter, bytes: Uint8Array, { flags, width }: Conversion): void {
  const missing = Math.max(0, width - bytes.length);
  if (!flags.left) out.text(" ".repeat(missing));
  out.raw(bytes);
  if (flags.left) out.text(" ".repeat(missing));
}

/** `bpf_trace_copy_string`: what faults is empty. */
function stringAt(call: HelperCall, low: number, high: number, style: string): Uint8Array {
  // `%s` tells by the address: user space is the lower half.
  const user = style === "u" || (style === "s" && high >= 0);
  const limit = STRING_ROOM - 1;
  if (user) return call.services.userString?.(low, high, limit)?.slice() ?? new Uint8Array(0);
  const bytes = kernelBytes(call, low, high, limit);
  const end = bytes.indexOf(0);
  return bytes.slice(0, end < 0 ? bytes.length : end);
}

/** Up to `length` bytes at a kernel address, as far as there is memory; none where the address is not one. */
function kernelBytes(call: HelperCall, low: number, high: number, length: number): Uint8Array {
  const offset = low >>> 0;
  if (high !== KERNEL_BASE_HIGH || offset < FIRST_OFFSET) return new Uint8Array(0);
  return call.memory.bytes().subarray(offset, offset + length);
}

function pointer(call: HelperCall, { style }: Conversion, low: number, high: number): string {
  switch (style) {
    case "p":
    case "K":
      return hashedPointer(low, high);
    case "x":
      return hex(low, high);
    case "s":
    case "S":
    case "B":
      return call.services.symbol?.(low, high, style) ?? `0x${trimmed(hex(low, high))}`;
    default:
      return address(kernelBytes(call, low, high, style.endsWith("4") ? 4 : 16), style);
  }
}

function hex(low: number, high: number): string {
  return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0");
}

function trimmed(digits: string): string {
  return digits.replace(/^0+(?=.)/, "");
}

/**
 * `%p` hides addresses: 32 bits of a hash stand for one. NULL and error pointers are no addresses and print as they
 * are.
 */
function hashedPointer(low: number, high: number): string {
  const error = high === -1 && low >>> 0 >= 0xffff_f001;
  if ((low === 0 && high === 0) || error) return hex(low, high);
  let hash = Math.imul(low ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(high ^ (low >>> 15), 0xc2b2_ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4_eb2f);
  return hex(hash ^ (hash >>> 15), 0);
}

/** `ip4_string`, `ip6_string`: with leading zeros (`i`) or without, and `::` for the longest run (`I6` has none). */
function address(given: Uint8Array, style: string): string {
  const six = style.endsWith("6");
  const bytes = new Uint8Array(six ? 16 : 4);
  if (given.length === bytes.length) bytes.set(given);
  if (!six) {
    const part = (byte: number) => (style === "i4" ? String(byte).padStart(3, "0") : String(byte));
    return Array.from(bytes, part).join(".");
  }
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2)
    groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16).padStart(4, "0"));
  return groups.join(style === "i6" ? "" : ":");
}

function asciiOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
