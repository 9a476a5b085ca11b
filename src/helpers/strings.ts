import { FIRST_OFFSET } from "../mem/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** `BPF_STRTOX_BASE_MASK` */
const BASE_MASK = 0x1f;

/** Bytes of a number that are looked at, behind blanks and sign. */
const DIGITS = 63;

const MINUS = 0x2d;
const ZERO = 0x30;
const X = 0x78;

/** A parsed number: its magnitude as halves, and how many bytes it took; or a negative errno. */
interface Parsed {
  readonly low: number;
  readonly high: number;
  readonly negative: boolean;
  readonly consumed: number;
}

/** `isspace` of the kernel's table, which knows Latin-1. */
function isBlank(byte: number): boolean {
  return (byte >= 9 && byte <= 13) || byte === 0x20 || byte === 0xa0;
}

/** What a byte is worth as a digit; 255 for none. */
function digit(byte: number | undefined): number {
  if (byte === undefined) return 255;
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 255;
}

/** `__bpf_strtoull` */
function parse(text: Uint8Array, flags: number, flagsHigh: number): Parsed | number {
  if (text.length === 0) return -Errno.EINVAL;
  let base = flags & BASE_MASK;
  if (base !== 0 && base !== 8 && base !== 10 && base !== 16) return -Errno.EINVAL;
  if ((flags & ~BASE_MASK) !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
  let start = 0;
  while (start < text.length && isBlank(text[start]!)) start++;
  const negative = text[start] === MINUS;
  if (negative) start++;
  if (start >= text.length) return -Errno.EINVAL;
  const number = text.subarray(start, start + DIGITS);
  const hexadecimal = number[0] === ZERO && (number[1]! | 0x20) === X;
  if (base === 0) {
    if (number[0] !== ZERO) base = 10;
    else base = hexadecimal && digit(number[2]) < 16 ? 16 : 8;
  }
  let at = base === 16 && hexadecimal ? 2 : 0;
  const first = at;
  let low = 0;
  let high = 0;
  for (; digit(number[at]) < base; at++) {
    low = low * base + digit(number[at]);
    high = high * base + Math.floor(low / 2 ** 32);
    low = low % 2 ** 32;
    if (high >= 2 ** 32) return -Errno.ERANGE;
  }
  if (at === first) return -Errno.EINVAL;
  return { low, high, negative, consumed: start + at };
}

/** Parses a number into the eight bytes at `to`; `ofSign` gives what is written, or a negative errno. */
function convert(ofSign: (parsed: Parsed) => [low: number, high: number] | number) {
  return (call: HelperCall, ...args: number[]): number => {
    const [from, length, flags, flagsHigh, to] = args as [number, number, number, number, number];
    const view = call.memory.view();
    const at = to >>> 0;
    view.setUint32(at, 0, true);
    view.setUint32(at + 4, 0, true);
    const parsed = parse(textAt(call, from, length >>> 0), flags, flagsHigh);
    if (typeof parsed === "number") return parsed;
    const value = ofSign(parsed);
    if (typeof value === "number") return value;
    view.setUint32(at, value[0], true);
    view.setUint32(at + 4, value[1], true);
    return parsed.consumed;
  };
}

/** `bpf_strtol`: from -2^63 to 2^63 - 1. */
const strtol = convert(({ low, high, negative }) => {
  if (!negative) return high < 2 ** 31 ? [low, high] : -Errno.ERANGE;
  if (high > 2 ** 31 || (high === 2 ** 31 && low !== 0)) return -Errno.ERANGE;
  return [-low >>> 0, (low === 0 ? -high : ~high) >>> 0];
});

/** `bpf_strtoul` */
const strtoul = convert(({ low, high, negative }) => (negative ? -Errno.EINVAL : [low, high]));

/** `bpf_strncmp`; the second string is constant, and ends in its map. */
function strncmp(call: HelperCall, one: number, size: number, other: number): number {
  const first = textAt(call, one, size >>> 0);
  const second = textAt(call, other, size >>> 0);
  for (let i = 0; i < first.length; i++) {
    const [a, b] = [first[i]!, second[i] ?? 0];
    if (a !== b) return a < b ? -1 : 1;
    if (a === 0) break;
  }
  return 0;
}

/** The bytes from an offset on, as far as there is memory. */
function textAt(call: HelperCall, offset: number, length: number): Uint8Array {
  const at = offset >>> 0;
  return at < FIRST_OFFSET ? new Uint8Array(0) : call.memory.bytes().subarray(at, at + length);
}

const NUMBER = { args: ["ptr", "i32", "i64", "ptr"], result: "i32" } as const;

/** Helpers that read text. */
export const STRING_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.strtol, NUMBER, strtol),
  hostHelper(BpfFuncId.strtoul, NUMBER, strtoul),
  hostHelper(BpfFuncId.strncmp, { args: ["ptr", "i32", "ptr"], result: "i32" }, strncmp),
];
