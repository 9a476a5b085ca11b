import { TextWriter, utf8 } from "../../base/index.ts";
import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../../mem/index.ts";
import { type Conversion, parseFormat } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { HelperCall } from "../helper.ts";

/** Arguments as halves: low and high of each, in turn. */
export type FormatArguments = readonly number[];

/** `MAX_BPRINTF_BIN_ARGS`: bytes into which `bpf_bprintf_prepare` copies the arguments. */
const ARGUMENT_ROOM = 512;

/** How much of that is used. */
class ArgumentRoom {
  #used = 0;

  get left(): number {
    return ARGUMENT_ROOM - this.#used;
  }

  /** Takes bytes, on a boundary of four where they are a number. @returns false where they do not fit. */
  take(size: number, alignment: 1 | 4 = 1): boolean {
    this.#used = (this.#used + alignment - 1) & -alignment;
    if (this.left < size) return false;
    this.#used += size;
    return true;
  }
}

/**
 * Formats as `bpf_bprintf_prepare` and `bstr_printf` do.
 *
 * @param size bytes of the buffer that the text is for: what `bpf_bprintf_prepare` has made text of counts only where it
 *   begins inside of that.
 * @returns the text without a NUL, or a negative errno: EINVAL for a format that Linux refuses, ENOSPC for arguments
 *   that take too much room together.
 */
export function formatText(
  call: HelperCall,
  format: Uint8Array,
  args: FormatArguments,
  limit: number,
  size = Number.POSITIVE_INFINITY,
): Uint8Array | number {
  const pieces = parseFormat(format, limit);
  if (pieces === null) return -Errno.EINVAL;
  const out = new TextWriter(256);
  const room = new ArgumentRoom();
  let next = 0;
  for (const piece of pieces) {
    if (piece.kind === "text") out.raw(format, piece.start, piece.end);
    else if (piece.kind === "percent") out.char(0x25);
    else {
      const [low, high] = [args[next * 2] ?? 0, args[next * 2 + 1] ?? 0];
      if (!convert({ call, out, size, room }, piece, low, high)) return -Errno.ENOSPC;
      next++;
    }
  }
  return out.view();
}

interface Formatting {
  readonly call: HelperCall;
  readonly out: TextWriter;
  readonly size: number;
  readonly room: ArgumentRoom;
}

/** Text that was made in front of `bstr_printf`, which copies it where there is room for its first byte. */
function copy({ out, size }: Formatting, text: Uint8Array): void {
  if (out.length < size) out.raw(text);
}

/** @returns false where the room for arguments is used up. */
function convert(formatting: Formatting, conversion: Conversion, low: number, high: number): boolean {
  const { out, room } = formatting;
  switch (conversion.kind) {
    case "integer":
      out.text(integer(conversion, low, high));
      return room.take(conversion.size, 4);
    case "char":
      pad(out, Uint8Array.of(low), conversion);
      return room.take(1);
    case "string": {
      if (room.left === 0) return false;
      const text = stringAt(formatting, low, high, conversion.style);
      // `%pks` and `%pus` are text before `bstr_printf` sees them, and have no width there.
      if (conversion.style === "s") pad(out, text, conversion);
      else copy(formatting, text);
      return room.take(text.length + 1);
    }
    case "pointer":
      return pointer(formatting, conversion, low, high);
  }
}

/** `number` of lib/vsprintf.c. */
function integer({ style, size, flags, width: given }: Conversion, low: number, high: number): string {
  const width = given ?? 0;
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
  const missing = Math.max(0, (width ?? 0) - bytes.length);
  if (!flags.left) out.text(" ".repeat(missing));
  out.raw(bytes);
  if (flags.left) out.text(" ".repeat(missing));
}

/** `bpf_trace_copy_string`: what faults is empty. */
function stringAt({ call, room }: Formatting, low: number, high: number, style: string): Uint8Array {
  // `%s` tells by the address: user space is the lower half.
  const user = style === "u" || (style === "s" && high >= 0);
  const limit = room.left - 1;
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

function pointer(formatting: Formatting, conversion: Conversion, low: number, high: number): boolean {
  const { call, out, room } = formatting;
  const { style } = conversion;
  switch (style) {
    case "p":
    case "K": {
      const hidden = isAddress(low, high);
      out.text(address(conversion, hidden ? hashOf(low, high) : low, hidden ? 0 : high));
      return room.take(8, 4);
    }
    case "x":
      out.text(address(conversion, low, high));
      return room.take(8, 4);
    case "s":
    case "S":
    case "B": {
      const name = asciiOf(call.services.symbol?.(low, high, style) ?? `0x${hexOf64(low, high)}`);
      // As `%pks`: no width.
      if (style === "B") copy(formatting, name);
      else pad(out, name, conversion);
      return style === "B" ? room.take(name.length + 1) : room.take(8, 4);
    }
    default: {
      const text = network(kernelBytes(call, low, high, style.endsWith("4") ? 4 : 16), style);
      copy(formatting, utf8(text));
      return room.take(text.length + 1);
    }
  }
}

/** `pointer_string`: sixteen digits, unless the format says a width. */
function address(conversion: Conversion, low: number, high: number): string {
  const { width, flags } = conversion;
  const whole = { ...conversion, style: "x", size: 8 } as const;
  return integer(
    width === null ? { ...whole, width: 16, flags: { ...flags, zero: true } } : whole,
    low,
    high,
  );
}

function hexOf64(low: number, high: number): string {
  return ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16);
}

/** NULL and error pointers are no addresses: `%p` prints them as they are. */
function isAddress(low: number, high: number): boolean {
  const error = high === -1 && low >>> 0 >= 0xffff_f001;
  return !(low === 0 && high === 0) && !error;
}

/** An address as `%p` writes it: sixteen digits, of a hash where it is one. */
export function hiddenAddress(low: number, high: number): string {
  const hidden = isAddress(low, high);
  return hexOf64(hidden ? hashOf(low, high) : low, hidden ? 0 : high).padStart(16, "0");
}

/** `%p` hides addresses: 32 bits of a hash stand for one. */
function hashOf(low: number, high: number): number {
  let hash = Math.imul(low ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(high ^ (low >>> 15), 0xc2b2_ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4_eb2f);
  return hash ^ (hash >>> 15);
}

/** `ip4_string`, `ip6_string`: with leading zeros (`i`) or without, and `::` for the longest run (`I6` has none). */
function network(given: Uint8Array, style: string): string {
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
