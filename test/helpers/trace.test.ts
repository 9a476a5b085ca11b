import { beforeEach, describe, expect, it } from "vitest";
import { addressOf } from "../../src/mem/index.ts";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

let bench: HelperBench;
beforeEach(() => {
  bench = new HelperBench();
});

function print(format: string, ...args: (number | bigint)[]): string | number {
  const result = bench.invoke(
    BpfFuncId.trace_printk,
    bench.put(format),
    new TextEncoder().encode(format).length + 1,
    ...[...args, 0, 0, 0].slice(0, 3),
  );
  const line = bench.services.lines.pop();
  if (line === undefined) return result;
  expect(result).toBe(new TextEncoder().encode(line).length);
  return line;
}

describe("bpf_trace_printk", () => {
  const cases: readonly [string, (number | bigint)[], string][] = [
    ["plain\n", [], "plain\n"],
    ["100%% of %d%%", [7], "100% of 7%"],
    ["%d %i %u", [-1, 2, -1], "-1 2 4294967295"],
    ["%x %X", [0xabcdefn, -1], "abcdef FFFFFFFF"],
    ["%d", [0x1_0000_0005n], "5"],
    ["%d %d", [0x8000_0000n, 0x7fff_ffffn], "-2147483648 2147483647"],
    ["%ld %lu %lx", [-5, -1, -1], "-5 18446744073709551615 ffffffffffffffff"],
    [
      "%lld %llu %llx",
      [-(2n ** 63n), 2n ** 63n, 2n ** 32n],
      "-9223372036854775808 9223372036854775808 100000000",
    ],
    ["[%5d] [%-5d] [%05d]", [42, 42, -42], "[   42] [42   ] [-0042]"],
    ["[%+d] [% d] [%+u]", [42, 42, 42], "[+42] [ 42] [42]"],
    ["[%-05d] [%020lx]", [1, -1], "[1    ] [0000ffffffffffffffff]"],
    ["%c%c%c", [0x68, 0x69, 0x21], "hi!"],
    ["[%3c] [%-3c]", [0x61, 0x62], "[  a] [b  ]"],
    ["%px %px", [0xffff_8000_0001_0000n, 5], "ffff800000010000 0000000000000005"],
    ["%p %p", [0, -1], "0000000000000000 ffffffffffffffff"],
    ["%pS %ps %pB", [0xffff_8000_0000_1234n, 1, 2], "0xffff800000001234 0x1 0x2"],
    ["[%20px] [%-4px] [%018px]", [255, 255, 255], "[                  ff] [ff  ] [0000000000000000ff]"],
    ["%pxyz %pI4x1.", [1, 0], "0000000000000001 0.0.0.0."],
    ["[%-px] [%20pS] [%20pI4]", [255, 1, 0], "[ff              ] [                 0x1] [0.0.0.0]"],
    ["tab\tand %s.", [0], "tab\tand ."],
    ["caf\u00e9 %d\u00e9", [1], "caf\u00e9 1\u00e9"],
  ];
  it.each(cases)("%s", (format, args, line) => {
    expect(print(format, ...args)).toBe(line);
  });

  it("strings: of the kernel, cut at the NUL; what faults is empty", () => {
    const text = addressOf(bench.put("kernel"));
    expect(print("<%s> <%pks>", text, text)).toBe("<kernel> <kernel>");
    expect(print("<%10s> <%-8s>", text, text)).toBe("<    kernel> <kernel  >");
    expect(print("<%s> <%s>", 0xffff_ffff_ffff_0000n, addressOf(8))).toBe("<> <>");
    expect(print("<%pus>", 0x1000)).toBe("<>");
    Object.assign(bench.services, { userString: () => new TextEncoder().encode("user") });
    expect(print("<%s> <%pus>", 0x1000, 0x7fff_0000_0000n)).toBe("<user> <user>");
  });

  it("half a kilobyte for the copies of all arguments", () => {
    const long = addressOf(bench.put("x".repeat(600)));
    expect(print("%s", long)).toBe("x".repeat(511));
    expect(print("%s%d", long, 1)).toBe(-Errno.ENOSPC);
    expect(print("%s%s", long, long)).toBe(-Errno.ENOSPC);
    const half = addressOf(bench.put("y".repeat(503)));
    expect(print("%s%lx", half, 1)).toBe(`${"y".repeat(503)}1`);
    expect(print("%s%c%lx", half, 0x61, 1)).toBe(-Errno.ENOSPC);
    expect(print("[%9pks]", addressOf(bench.put("z")))).toBe("[z]");
  });

  it("IP addresses", () => {
    const four = addressOf(bench.put(Uint8Array.of(10, 0, 200, 3)));
    const six = addressOf(bench.put(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)));
    expect(print("%pI4 %pi4", four, four)).toBe("10.0.200.3 010.000.200.003");
    expect(print("%pI6 %pi6", six, six)).toBe(
      "fe80:0000:0000:0000:0000:0000:0000:0001 fe800000000000000000000000000001",
    );
    expect(print("%pI4", 0)).toBe("0.0.0.0");
  });

  it("the same address hashes alike, and another does not", () => {
    const [a, b] = [print("%p", 0xffff_8000_0001_0000n), print("%p", 0xffff_8000_0001_0008n)];
    expect(a).toMatch(/^00000000[0-9a-f]{8}$/);
    expect(print("%p", 0xffff_8000_0001_0000n)).toBe(a);
    expect(b).not.toBe(a);
  });

  it.each([
    "%d %d %d %d",
    "%",
    "%f",
    "%n",
    "%hd",
    "%lllx",
    "%.5s",
    "%*d",
    "%sx",
    "%pX",
    "%pI5",
    "%\u00e9",
    "%s\u00e9",
    "bell\u0007",
  ])("refuses %j", (format) => {
    expect(print(format)).toBe(-Errno.EINVAL);
  });

  it("refuses a format without a NUL", () => {
    expect(bench.invoke(BpfFuncId.trace_printk, bench.put("abc"), 3, 0, 0, 0)).toBe(-Errno.EINVAL);
    expect(bench.invoke(BpfFuncId.trace_printk, bench.put("abc"), 4, 0, 0, 0)).toBe(3);
  });

  it("writes at most a kilobyte, and gives the length of all", () => {
    const result = bench.invoke(BpfFuncId.trace_printk, bench.put("%2000d"), 7, 1, 0, 0);
    expect(result).toBe(2000);
    expect(bench.services.lines[0]).toBe(" ".repeat(1023));
  });
});

describe("bpf_trace_vprintk and bpf_snprintf", () => {
  const array = (...values: bigint[]) => bench.put(new Uint8Array(new BigInt64Array(values).buffer));

  it("take arguments from an array", () => {
    const format = bench.put("%d %d %d %d %s");
    const data = array(1n, 2n, 3n, 4n, addressOf(bench.put("five")));
    expect(bench.invoke(BpfFuncId.trace_vprintk, format, 15, data, 40)).toBe(12);
    expect(bench.services.lines.pop()).toBe("1 2 3 4 five");
    const out = bench.put(new Uint8Array(16).fill(0xee));
    expect(bench.invoke(BpfFuncId.snprintf, out, 16, format, data, 40)).toBe(13);
    expect(new TextDecoder().decode(bench.get(out, 13))).toBe("1 2 3 4 five\0");
    expect(bench.invoke(BpfFuncId.snprintf, out, 4, format, data, 40)).toBe(13);
    expect([...bench.get(out, 5)]).toEqual([0x31, 0x20, 0x32, 0, 0x33]);
    expect(bench.invoke(BpfFuncId.snprintf, 0, 0, format, data, 40)).toBe(13);
  });

  // As Linux 6.18.44 gives it.
  it.each([
    ["%4294967296d", 4],
    ["%4294967301d", 6],
    ["%2147483648d", 4],
    ["%65536d", 65_537],
    ["%2147483647d", 8_388_608],
    ["%99999999999d", 8_388_608],
  ])("count the width of %s as an int that wraps", (text, expected) => {
    const out = bench.put(new Uint8Array(16));
    expect(bench.invoke(BpfFuncId.snprintf, out, 16, bench.put(text), array(123n), 8)).toBe(expected);
  });

  it.each([
    ["%pI4", 1],
    ["%pi6", 1],
    ["%pB", 1],
    ["%pks", 1],
    ["%s", 4],
    ["%px", 17],
  ])("count %s, for which there is no room, as %j", (text, expected) => {
    const data = array(addressOf(bench.put("abc")));
    expect(bench.invoke(BpfFuncId.snprintf, 0, 0, bench.put(text), data, 8)).toBe(expected);
  });

  it("refuse sizes of no array, and too few arguments", () => {
    const format = bench.put("%d %d");
    for (const [data, length] of [
      [array(1n), 8],
      [array(1n, 2n), 12],
      [array(1n, 2n), 104],
      [0, 16],
    ] as const) {
      expect(bench.invoke(BpfFuncId.trace_vprintk, format, 6, data, length)).toBe(-Errno.EINVAL);
    }
  });
});
