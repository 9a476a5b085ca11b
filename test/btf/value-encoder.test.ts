import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Btf, BtfBuilder, type BtfTypeInput, decodeValue, encodeValue } from "../../src/btf/index.ts";

/** [1] int [2] __u64 [3] char [4] enum [5] char[8] [6] int[3] [7] bool [8] *int [9] double [10] anonymous union, then a struct. */
const TYPES: readonly BtfTypeInput[] = [
  { kind: "INT", name: "int", size: 4, signed: true },
  { kind: "INT", name: "__u64", size: 8 },
  { kind: "INT", name: "char", size: 1, signed: true },
  {
    kind: "ENUM",
    name: "state",
    size: 4,
    signed: true,
    values: [
      { name: "IDLE", value: 0 },
      { name: "LOST", value: -3 },
    ],
  },
  { kind: "ARRAY", type: 3, indexType: 1, count: 8 },
  { kind: "ARRAY", type: 1, indexType: 1, count: 3 },
  { kind: "INT", name: "_Bool", size: 1, bool: true },
  { kind: "PTR", type: 1 },
  { kind: "FLOAT", name: "double", size: 8 },
  {
    kind: "UNION",
    size: 4,
    members: [
      { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
      { name: "b", type: 4, bitOffset: 0, bitSize: 0 },
    ],
  },
  {
    kind: "STRUCT",
    name: "record",
    size: 72,
    members: [
      { name: "count", type: 2, bitOffset: 0, bitSize: 0 },
      { name: "name", type: 5, bitOffset: 64, bitSize: 0 },
      { name: "list", type: 6, bitOffset: 128, bitSize: 0 },
      { name: "", type: 10, bitOffset: 224, bitSize: 0 },
      { name: "low", type: 1, bitOffset: 256, bitSize: 5 },
      { name: "high", type: 1, bitOffset: 261, bitSize: 27 },
      { name: "flag", type: 7, bitOffset: 288, bitSize: 0 },
      { name: "where", type: 8, bitOffset: 320, bitSize: 0 },
      { name: "ratio", type: 9, bitOffset: 384, bitSize: 0 },
      { name: "state", type: 4, bitOffset: 448, bitSize: 0 },
    ],
  },
];
const RECORD = 11;

const btfOf = (endian: "little" | "big") => {
  const builder = new BtfBuilder();
  for (const type of TYPES) builder.add(type);
  return Btf.parse(builder.finish({ endian }));
};

describe.each(["little", "big"] as const)("encodeValue, %s-endian", (endian) => {
  const btf = btfOf(endian);

  it("writes what decodeValue reads", () => {
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const record = fc.record({
      count: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      name: fc.stringMatching(/^[ -~]{0,8}$/),
      list: fc.tuple(int, int, int),
      low: fc.integer({ min: -16, max: 15 }),
      high: fc.integer({ min: -(2 ** 26), max: 2 ** 26 - 1 }),
      flag: fc.boolean(),
      where: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      ratio: fc.double({ noNaN: true }),
      state: fc.constantFrom("IDLE", "LOST", 7),
    });
    fc.assert(
      fc.property(record, int, (value, a) => {
        const read = decodeValue(btf, RECORD, encodeValue(btf, RECORD, { ...value, a }));
        expect(read).toEqual({ ...value, a, b: a === 0 ? "IDLE" : a === -3 ? "LOST" : a });
      }),
    );
  });

  it("leaves members that are left out as they are", () => {
    const bytes = encodeValue(btf, RECORD, { count: 5n, low: -1, name: "before" });
    encodeValue(btf, RECORD, { low: 3, list: [1] }, bytes);
    expect(decodeValue(btf, RECORD, bytes)).toMatchObject({
      count: 5n,
      low: 3,
      high: 0,
      name: "before",
      list: [1, 0, 0],
    });
  });

  it("takes bytes for anything, and unsigned numbers for signed fields", () => {
    const bytes = encodeValue(btf, RECORD, { list: [0xffff_ffff, 1], ratio: new Uint8Array(8) });
    expect(decodeValue(btf, RECORD, bytes)).toMatchObject({ list: [-1, 1, 0], ratio: 0 });
  });

  it.each([
    [{ count: -(2n ** 63n) - 1n }, "value.count: expected an integer of 64 bits, got -9223372036854775809"],
    [{ low: 32 }, "value.low: expected an integer of 5 bits, got 32"],
    [{ name: "nine bytes" }, "value.name: expected at most 8 bytes, got 10"],
    [{ list: [1, 2, 3, 4] }, "value.list: expected at most 3 elements, got 4"],
    [{ list: [1, "x"] }, "value.list[1]: expected an integer, got a string"],
    [{ state: "GONE" }, "value.state: enum state has no 'GONE'"],
    [{ cuont: 1 }, "value: struct record has no member 'cuont'"],
    [{ ratio: 1n }, "value.ratio: expected a number"],
    [[1], "value: expected an object, got a list"],
    [new Uint8Array(71), "value: expected 72 bytes, got 71"],
    [1.5, "value: expected an object, got 1.5"],
  ])("refuses what does not fit (%#)", (value, message) => {
    expect(() => encodeValue(btf, RECORD, value)).toThrow(message);
  });
});
