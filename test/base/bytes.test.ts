import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "../../src/base/index.ts";

const FIELD = fc.oneof(
  fc.tuple(fc.constant("u8" as const), fc.integer({ min: 0, max: 0xff })),
  fc.tuple(fc.constant("u16" as const), fc.integer({ min: 0, max: 0xffff })),
  fc.tuple(fc.constant("u32" as const), fc.integer({ min: 0, max: 0xffff_ffff })),
  fc.tuple(fc.constant("s32" as const), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
  fc.tuple(fc.constant("u64" as const), fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })),
);

describe("ByteWriter and ByteReader", () => {
  it("give back what was written, in both byte orders, also where the buffer had to grow", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("little" as const, "big" as const),
        fc.integer({ min: 0, max: 9 }),
        fc.array(FIELD, { maxLength: 60 }),
        (endian, capacity, fields) => {
          const writer = new ByteWriter({ endian, capacity });
          for (const [kind, value] of fields) writer[kind](value as never);
          const reader = new ByteReader(writer.finish(), { endian });
          for (const [kind, value] of fields) expect(reader[kind]()).toBe(value);
          expect(reader.remaining).toBe(0);
        },
      ),
    );
  });

  it("refuses to read past the end, saying where", () => {
    const reader = new ByteReader(new Uint8Array(6), { what: "header" });
    reader.u32();
    expect(() => reader.u32()).toThrow(new FormatError("header", 4, "expected 4 more bytes, got 2"));
    expect(() => reader.seek(7)).toThrow(FormatError);
    expect(() => reader.take(-1)).toThrow(FormatError);
  });

  it("patches fields written before", () => {
    const writer = new ByteWriter({ capacity: 1 }).u32(0).write([1, 2, 3]).align(4);
    writer.patchU32(0, writer.length);
    expect([...writer.finish()]).toEqual([8, 0, 0, 0, 1, 2, 3, 0]);
    expect(() => writer.patchU32(6, 1)).toThrow(RangeError);
  });
});
