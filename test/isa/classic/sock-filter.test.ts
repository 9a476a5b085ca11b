import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, hexOf } from "../../../src/base/index.ts";
import { decodeClassic, encodeClassic } from "../../../src/isa/index.ts";
import { anyInsn, op } from "./programs.ts";

describe("encodeClassic and decodeClassic", () => {
  const program = [op("ldh", "abs", 12), op("jeq", "hex", 0x800, 1, 2)];

  it("write the fields in the byte order asked for", () => {
    expect(hexOf(encodeClassic(program))).toBe("280000000c000000" + "1500010200080000");
    expect(hexOf(encodeClassic(program, "big"))).toBe("002800000000000c" + "0015010200000800");
  });

  it("are inverse to each other", () => {
    fc.assert(
      fc.property(fc.array(anyInsn), fc.constantFrom("little" as const, "big" as const), (insns, endian) => {
        expect(decodeClassic(encodeClassic(insns, endian), endian)).toEqual(insns);
      }),
    );
  });

  it("refuse half an instruction", () => {
    expect(() => decodeClassic(new Uint8Array(12))).toThrow(FormatError);
    expect(() => decodeClassic(new Uint8Array(12))).toThrow(
      "classic BPF program: offset 8: expected a multiple of 8 bytes, got 12",
    );
  });
});
