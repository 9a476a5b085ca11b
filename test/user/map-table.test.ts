import { describe, expect, it } from "vitest";
import { Btf, BtfBuilder } from "../../src/btf/index.ts";
import { fieldsOf, fieldText, mapTable } from "../../src/user/index.ts";

const builder = new BtfBuilder();
const u8 = builder.add({ kind: "INT", name: "unsigned char", size: 1 });
const u32 = builder.add({ kind: "INT", name: "unsigned int", size: 4 });
const u64 = builder.add({ kind: "INT", name: "unsigned long", size: 8 });
const address = builder.add({ kind: "ARRAY", type: u8, indexType: u32, count: 4 });
const member = (name: string, type: number, bitOffset: number) => ({ name, type, bitOffset, bitSize: 0 });
const key = builder.add({
  kind: "STRUCT",
  name: "key",
  size: 8,
  members: [member("saddr", address, 0), member("port", u32, 32)],
});
const value = builder.add({
  kind: "STRUCT",
  name: "value",
  size: 16,
  members: [member("packets", u64, 0), member("port", u32, 64)],
});
const btf = Btf.parse(builder.finish());

function bytes(...words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

describe("mapTable", () => {
  const map = { btf, keyType: key, valueType: value };
  const entries = [
    { key: bytes(0x0100_000a, 53), values: [bytes(1, 0, 7, 0)] },
    { key: bytes(0x0200_000a, 53), values: [bytes(9, 0, 7, 0)] },
    { key: bytes(0x0300_000a, 53), values: [bytes(0, 0, 0, 0)] },
  ];

  it("has a column for each member, and tells members of one name apart", () => {
    const { columns, rows } = mapTable(map, entries);
    expect(columns.map(({ name }) => name)).toEqual(["saddr", "port", "packets", "value.port"]);
    expect(columns.map(({ right }) => right)).toEqual([false, true, true, true]);
    expect(rows[0]).toEqual(["10.0.0.1", "53", "1", "7"]);
  });

  it("sorts by the first number of the value, and counts what it hides", () => {
    const { rows, zeros } = mapTable(map, entries, { largestFirst: true, hideZeros: true });
    expect(rows.map(([saddr]) => saddr)).toEqual(["10.0.0.2", "10.0.0.1"]);
    expect(zeros).toBe(1);
  });

  it("adds up what CPUs counted", () => {
    const [entry] = entries;
    const { rows } = mapTable(map, [{ key: entry!.key, values: [bytes(1, 0, 7, 0), bytes(2, 0, 8, 0)] }]);
    expect(rows[0]).toEqual(["10.0.0.1", "53", "3", "15"]);
  });

  it("shows bytes where there are no types", () => {
    const { columns, rows } = mapTable({ btf: null, keyType: 0, valueType: 0 }, entries.slice(0, 1));
    expect(columns.map(({ name }) => name)).toEqual(["key", "value"]);
    expect(rows[0]).toEqual(["0a00000135000000", "01000000000000000700000000000000"]);
  });
});

describe("fields", () => {
  it("follows structs in structs by their path", () => {
    const fields = fieldsOf({ a: 1, b: { c: "x", d: { e: [1, 2] } } }, "value");
    expect(fields.map(({ path }) => path)).toEqual(["a", "b.c", "b.d.e"]);
    expect(fieldsOf(5n, "value")).toEqual([{ path: "value", value: 5n }]);
  });

  it.each([
    ["saddr", [10, 0, 0, 1], "10.0.0.1"],
    ["ip", [10, 0, 0, 1], "10.0.0.1"],
    ["port", [10, 0, 0, 1], "[10,0,0,1]"],
    ["h_dest", [2, 0, 0, 0, 0, 1], "02:00:00:00:00:01"],
    ["daddr", [...Array(10).fill(0), 255, 255, 10, 0, 0, 1], "10.0.0.1"],
    ["daddr", [0xfd, 0x77, ...Array(13).fill(0), 1], "fd77::1"],
    ["counts", Array(20).fill(1), `[${Array(16).fill(1).join(",")},…]`],
    ["saddr", [10, 0, 0, 256], "[10,0,0,256]"],
  ])("%s of %j", (path, value, text) => {
    expect(fieldText({ path, value })).toBe(text);
  });

  it.each([
    [null, "-"],
    [true, "true"],
    ["XDP_PASS", "XDP_PASS"],
    [2n ** 63n, "9223372036854775808"],
  ])("%s", (value, text) => {
    expect(fieldText({ path: "x", value })).toBe(text);
  });

  it("writes control characters in strings as C does", () => {
    expect(fieldText({ path: "s", value: "pid\t%d\n\x1b[2J\u009b é" })).toBe("pid\\t%d\\n\\x1b[2J\\x9b é");
  });

  it("writes structs in arrays", () => {
    expect(fieldText({ path: "x", value: [{ a: 1, b: [2] }] })).toBe("[{a:1,b:[2]}]");
  });
});
