import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { high32, low32 } from "../../src/base/index.ts";
import { CodeBuffer, sizeOfU32 } from "../../src/wasm/code-buffer.ts";
import { ModuleReader } from "../../src/wasm/module-reader.ts";

/** LEB128 straight from its definition. */
function leb(value: bigint, signed: boolean): number[] {
  const out: number[] = [];
  for (;;) {
    const byte = Number(value & 0x7fn);
    value >>= 7n;
    const done = signed ? value === (byte & 0x40 ? -1n : 0n) : value === 0n;
    out.push(done ? byte : byte | 0x80);
    if (done) return out;
  }
}

function written(write: (buffer: CodeBuffer) => void): number[] {
  const buffer = new CodeBuffer(0);
  write(buffer);
  return [...buffer.finish()];
}

const powers = (bits: number): fc.Arbitrary<bigint> =>
  fc
    .tuple(fc.integer({ min: 0, max: bits - 1 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([power, by, negative]) =>
      BigInt.asIntN(bits, (negative ? -1n : 1n) * ((1n << BigInt(power)) + BigInt(by))),
    );

describe("LEB128", () => {
  it("writes and reads unsigned 32-bit integers", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 0, max: 0xffff_ffff }),
          powers(32).map((n) => Number(BigInt.asUintN(32, n))),
        ),
        (value) => {
          const bytes = written((buffer) => buffer.u32(value));
          expect(bytes).toEqual(leb(BigInt(value), false));
          expect(sizeOfU32(value)).toBe(bytes.length);
          expect(new ModuleReader(Uint8Array.from(bytes)).unsigned()).toBe(value);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("writes and reads signed 32-bit integers", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), powers(32).map(Number)), (value) => {
        const bytes = written((buffer) => buffer.s32(value));
        expect(bytes).toEqual(leb(BigInt(value), true));
        expect(new ModuleReader(Uint8Array.from(bytes)).signed(32)).toBe(BigInt(value));
        expect(new ModuleReader(Uint8Array.from(bytes)).signed(33)).toBe(BigInt(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("writes and reads signed 64-bit integers from halves of either sign", () => {
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), powers(64)), (value) => {
        const bytes = written((buffer) => buffer.s64(low32(value), high32(value)));
        expect(bytes).toEqual(leb(value, true));
        expect(written((buffer) => buffer.s64(low32(value) >>> 0, high32(value) >>> 0))).toEqual(bytes);
        expect(new ModuleReader(Uint8Array.from(bytes)).signed(64)).toBe(value);
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses integers longer than their type", () => {
    const read = (bytes: number[]): ModuleReader => new ModuleReader(Uint8Array.from(bytes));
    expect(() => read([0xff, 0xff, 0xff, 0xff, 0x1f]).unsigned()).toThrow("unsigned integer of 32 bits");
    expect(() => read([0xff, 0xff, 0xff, 0xff, 0x4f]).signed(32)).toThrow("signed integer of 32 bits");
    expect(() => read([...Array<number>(9).fill(0x80), 0x02]).signed(64)).toThrow(
      "signed integer of 64 bits",
    );
    expect(() => read(Array<number>(10).fill(0x80)).signed(64)).toThrow("signed integer of 64 bits");
    expect(read([...Array<number>(9).fill(0x80), 0x7f]).signed(64)).toBe(-(1n << 63n));
    expect(() => read([0x80]).unsigned()).toThrow("expected 1 more bytes");
  });

  it("keeps the width of padded integers", () => {
    const buffer = new CodeBuffer();
    buffer.padded(5);
    expect([...buffer.view()]).toEqual([0x85, 0x80, 0]);
    buffer.patchPadded(0, buffer.paddedAt(0) + 1_000_000);
    expect(new ModuleReader(buffer.finish()).unsigned()).toBe(1_000_005);
  });

  it("grows by any amount", () => {
    const bytes = written((buffer) => {
      for (let i = 0; i < 3000; i++) buffer.u8(i);
      buffer.vector(new Uint8Array(100_000).fill(7));
      buffer.name("é");
    });
    expect(bytes.length).toBe(3000 + 3 + 100_000 + 3);
    expect(bytes.slice(0, 3000)).toEqual(Array.from({ length: 3000 }, (_, i) => i & 0xff));
  });
});
