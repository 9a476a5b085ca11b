import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { HelperCall, Kfunc } from "./helper.ts";
import { isKernelAddress } from "./user-address.ts";

/** `XATTR_SIZE_MAX`: no string is looked at further. */
const MOST = 65_536;

/** What a byte is where there is no memory. */
const FAULT = -1;

/** A string of the kernel at an address that may be bad: its bytes, by place. */
type Text = (index: number) => number;

/** Null for an address that is none of the kernel's: ERANGE. */
function textAt(call: HelperCall, low: number, high: number): Text | null {
  if (!isKernelAddress(low, high)) return null;
  const bytes = call.memory.bytes();
  const start = low >>> 0;
  if (high !== KERNEL_BASE_HIGH || start < FIRST_OFFSET) return () => FAULT;
  return (index) => bytes[start + index] ?? FAULT;
}

/** The place that a condition first holds at, of as many as `limit`; an error, or what `behind` says, where at none. */
function find(
  text: Text,
  limit: number,
  holds: (byte: number, index: number) => number | null,
  behind: number,
): number {
  for (let index = 0; index < limit; index++) {
    if (index === MOST) return -Errno.E2BIG;
    const byte = text(index);
    if (byte === FAULT) return -Errno.EFAULT;
    const answer = holds(byte, index);
    if (answer !== null) return answer;
  }
  return limit >= MOST ? -Errno.E2BIG : behind;
}

/** `tolower` of the kernel: Latin 1. */
function lower(byte: number): number {
  const upper = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0xc0 && byte <= 0xde && byte !== 0xd7);
  return upper ? byte + 0x20 : byte;
}

/** `__bpf_strcasecmp`: characters have no sign in Linux (`-funsigned-char`). */
function compare(one: Text, other: Text, fold: (byte: number) => number): number {
  for (let index = 0; index < MOST; index++) {
    const [a, b] = [one(index), other(index)];
    if (a === FAULT || b === FAULT) return -Errno.EFAULT;
    const [left, right] = [fold(a), fold(b)];
    if (left !== right) return left < right ? -1 : 1;
    if (left === 0) return 0;
  }
  return -Errno.E2BIG;
}

/** Whether a byte is in a set, which is a string; an error where that cannot be read. */
function isIn(set: Text, byte: number): boolean | number {
  const found = find(set, MOST, (each) => (each === byte ? 1 : each === 0 ? 0 : null), 0);
  return found < 0 ? found : found === 1;
}

/** `bpf_strspn`, `bpf_strcspn`: how many characters at the beginning are in a set, or are not. */
function span(text: Text, set: Text, inside: boolean): number {
  const ends = (byte: number, index: number) => {
    if (byte === 0) return index;
    const found = isIn(set, byte);
    if (typeof found === "number") return found;
    return found === inside ? null : index;
  };
  return find(text, MOST, ends, 0);
}

/** `bpf_strnstr`: a byte of the second string is read also where it ends together with the first `limit` bytes. */
function search(text: Text, wanted: Text, limit: number): number {
  for (let start = 0; start < MOST; start++) {
    let at = 0;
    for (; start + at <= limit && at < MOST; at++) {
      const second = wanted(at);
      if (second === FAULT) return -Errno.EFAULT;
      if (second === 0) return start;
      if (start + at === limit) break;
      const first = text(start + at);
      if (first === FAULT) return -Errno.EFAULT;
      if (first === 0) return -Errno.ENOENT;
      if (first !== second) break;
    }
    if (at === MOST) return -Errno.E2BIG;
    if (start + at === limit) return -Errno.ENOENT;
  }
  return -Errno.E2BIG;
}

/** A length of 64 bits: no more than are looked at counts. */
function limitOf(low: number, high: number): number {
  return high !== 0 ? MOST + 1 : low >>> 0;
}

/** `bpf_strnchr` */
function findCharacter(text: Text, limit: number, wanted: number): number {
  const is = (byte: number, index: number) => (byte === wanted ? index : byte === 0 ? -Errno.ENOENT : null);
  return find(text, limit, is, -Errno.ENOENT);
}

/** @param wanted an int: no character is negative, which would be taken for a fault. */
function findLast(text: Text, wanted: number): number {
  let last = -Errno.ENOENT;
  const ends = (byte: number, index: number) => {
    if (byte === wanted) last = index;
    return byte === 0 ? last : null;
  };
  return find(text, MOST, ends, 0);
}

function lengthOf(text: Text, limit: number): number {
  return find(text, limit, (byte, index) => (byte === 0 ? index : null), limit);
}

/** A function of one string and more. */
function ofOne(
  name: string,
  more: readonly ("i64" | "i32" | "u8")[],
  body: (text: Text, ...rest: number[]) => number,
) {
  return hostKfunc(name, { args: ["i64", ...more], result: "u32" }, (call, low, high, ...rest) => {
    const text = textAt(call, low!, high!);
    return text === null ? -Errno.ERANGE : body(text, ...rest);
  });
}

/** A function of two strings and more. */
function ofTwo(
  name: string,
  more: readonly "i64"[],
  body: (one: Text, other: Text, ...rest: number[]) => number,
) {
  return hostKfunc(
    name,
    { args: ["i64", "i64", ...more], result: "u32" },
    (call, low, high, otherLow, otherHigh, ...rest) => {
      const one = textAt(call, low!, high!);
      const other = textAt(call, otherLow!, otherHigh!);
      return one === null || other === null ? -Errno.ERANGE : body(one, other, ...rest);
    },
  );
}

/** Strings of the kernel, at addresses that may be bad. */
export const STRING_KFUNCS: readonly Kfunc[] = [
  ofTwo("bpf_strcmp", [], (one, other) => compare(one, other, (byte) => byte)),
  ofTwo("bpf_strcasecmp", [], (one, other) => compare(one, other, lower)),
  ofOne("bpf_strnchr", ["i64", "u8"], (text, low, high, wanted) =>
    findCharacter(text, limitOf(low!, high!), wanted!),
  ),
  ofOne("bpf_strchr", ["u8"], (text, wanted) => findCharacter(text, MOST, wanted!)),
  ofOne("bpf_strchrnul", ["u8"], (text, wanted) =>
    find(text, MOST, (byte, index) => (byte === 0 || byte === wanted ? index : null), 0),
  ),
  ofOne("bpf_strrchr", ["i32"], (text, wanted) => findLast(text, wanted!)),
  ofOne("bpf_strnlen", ["i64"], (text, low, high) => lengthOf(text, limitOf(low!, high!))),
  ofOne("bpf_strlen", [], (text) => lengthOf(text, MOST)),
  ofTwo("bpf_strspn", [], (text, set) => span(text, set, true)),
  ofTwo("bpf_strcspn", [], (text, set) => span(text, set, false)),
  ofTwo("bpf_strnstr", ["i64"], (text, wanted, low, high) => search(text, wanted, limitOf(low!, high!))),
  ofTwo("bpf_strstr", [], (text, wanted) => search(text, wanted, MOST)),
];
