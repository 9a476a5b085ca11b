import { beforeEach, describe, expect, it } from "vitest";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

let bench: HelperBench;
beforeEach(() => {
  bench = new HelperBench();
});

/** What a helper makes of a text: the number and the bytes it took, or an errno. */
function convert(id: number, text: string, flags: number | bigint = 0): string | number {
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const to = bench.put(new Uint8Array(8).fill(0xee));
  const taken = bench.invoke(id, bench.put(bytes), bytes.length, flags, to);
  const value = bench.memory.view().getBigInt64(to, true);
  if (taken >= 0) return `${id === BpfFuncId.strtoul ? BigInt.asUintN(64, value) : value} of ${taken}`;
  expect(value).toBe(0n);
  return taken;
}

describe("bpf_strtol", () => {
  it.each([
    ["42", 0, "42 of 2"],
    ["-42 rest", 0, "-42 of 3"],
    [" \t\n-7", 10, "-7 of 5"],
    ["\u00a05", 0, "5 of 2"],
    ["0x1fg", 0, "31 of 4"],
    ["0X1F", 16, "31 of 4"],
    ["1f", 16, "31 of 2"],
    ["017", 0, "15 of 3"],
    ["018", 0, "1 of 2"],
    ["0x", 0, "0 of 1"],
    ["0", 0, "0 of 1"],
    ["-0", 0, "0 of 2"],
    ["9223372036854775807", 10, "9223372036854775807 of 19"],
    ["-9223372036854775808", 10, "-9223372036854775808 of 20"],
    ["9223372036854775808", 10, -Errno.ERANGE],
    ["-9223372036854775809", 10, -Errno.ERANGE],
    ["-18446744073709551615", 10, -Errno.ERANGE],
    ["18446744073709551616", 10, -Errno.ERANGE],
    ["-4294967296", 10, "-4294967296 of 11"],
    ["", 0, -Errno.EINVAL],
    ["-", 0, -Errno.EINVAL],
    ["  ", 0, -Errno.EINVAL],
    ["+1", 0, -Errno.EINVAL],
    ["x", 0, -Errno.EINVAL],
    ["8", 8, -Errno.EINVAL],
    ["0x", 16, -Errno.EINVAL],
    ["1", 2, -Errno.EINVAL],
    ["1", 32, -Errno.EINVAL],
    ["1", 2n ** 40n, -Errno.EINVAL],
    [`${"0".repeat(63)}7`, 10, "0 of 63"],
  ])("%j in base %s", (text, flags, expected) => {
    expect(convert(BpfFuncId.strtol, text, flags)).toBe(expected);
  });
});

describe("bpf_strtoul", () => {
  it.each([
    ["18446744073709551615", "18446744073709551615 of 20"],
    ["18446744073709551616", -Errno.ERANGE],
    ["0xffffffffffffffff", "18446744073709551615 of 18"],
    ["01777777777777777777777", "18446744073709551615 of 23"],
    ["02000000000000000000000", -Errno.ERANGE],
    ["-1", -Errno.EINVAL],
    ["-0", -Errno.EINVAL],
  ])("%j", (text, expected) => {
    expect(convert(BpfFuncId.strtoul, text)).toBe(expected);
  });
});

describe("bpf_strncmp", () => {
  it.each([
    ["abc", 4, "abc", 0],
    ["abc", 4, "abd", -1],
    ["abd", 4, "abc", 1],
    ["abcd", 3, "abcx", 0],
    ["ab\0x", 4, "ab", 0],
    ["ab", 2, "", 1],
    ["\u00e9", 3, "z", 1],
    ["x", 0, "y", 0],
  ])("%j, of which %i bytes, and %j", (one, size, other, expected) => {
    expect(bench.invoke(BpfFuncId.strncmp, bench.put(one), size, bench.put(other))).toBe(expected);
  });
});
