import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOfHex, FormatError, hexOf } from "../../src/base/index.ts";
import { decode, encode, isWide, lookup, ROWS, wideImm, wideSlots } from "../../src/isa/index.ts";
import { describeWith, groundtruth } from "../support/referee.ts";
import { insnsOf } from "./arbitrary.ts";

describe("encode and decode", () => {
  it("follow the RFC's example in both byte orders", () => {
    const insn = { opcode: 0x07, dst: 1, src: 0, off: 0, imm: 0x11223344 };
    expect(hexOf(encode([insn]))).toBe("0701000044332211");
    expect(hexOf(encode([insn], { endian: "big" }))).toBe("0710000011223344");
    expect(decode(bytesOfHex("0710000011223344")!, { endian: "big" })).toEqual([insn]);
  });

  it("are inverse on every row, and lookup finds the row again", () => {
    for (const row of ROWS) {
      fc.assert(
        fc.property(insnsOf(row), fc.constantFrom("little" as const, "big" as const), (insns, endian) => {
          expect(lookup(insns[0]!)?.name).toBe(row.name);
          expect(decode(encode(insns, { endian }), { endian })).toEqual(insns);
        }),
        { numRuns: 20 },
      );
    }
  });

  it("keep all bytes of anything of whole slots", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let insns: ReturnType<typeof decode>;
        try {
          insns = decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          return;
        }
        expect(encode(insns)).toEqual(bytes);
      }),
    );
  });

  it("refuse part of a slot and half a wide load", () => {
    expect(() => decode(new Uint8Array(9))).toThrow("expected a multiple of 8 bytes, got 9");
    expect(() => decode(bytesOfHex("1801000000000000")!)).toThrow(FormatError);
    // The second slot may hold anything, also what looks like the first half of another.
    expect(() => decode(bytesOfHex("18010000000000001801000000000000")!)).not.toThrow();
  });
});

describe("wide loads", () => {
  it("carry 64 bits of either sign", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (imm) => {
        const slots = wideSlots(3, 0, imm);
        expect(isWide(slots[0])).toBe(true);
        expect(wideImm(slots, 0)).toBe(BigInt.asUintN(64, imm));
      }),
    );
  });
});

const conformance = groundtruth("bpf_conformance.json.gz");
describeWith([conformance], "the conformance suite", () => {
  const BITS = {
    base32: 1,
    base64: 2,
    atomic32: 4,
    atomic64: 8,
    divmul32: 16,
    divmul64: 32,
    packet: 64,
    callx: 128,
  };

  it("has no instruction that is not in the table, and counts groups and versions alike", () => {
    const cases = conformance.json<{ name: string; insns: string; groups: number; cpu: number }[]>();
    const differ: string[] = [];
    for (const { name, insns: hex, groups, cpu } of cases) {
      const insns = decode(bytesOfHex(hex)!);
      expect(hexOf(encode(insns))).toBe(hex);
      let bits = 0;
      let version = 0;
      for (let slot = 0; slot < insns.length; ) {
        const row = lookup(insns[slot]!);
        expect([name, slot, row !== undefined]).toEqual([name, slot, true]);
        bits |= BITS[row!.group as keyof typeof BITS];
        version = Math.max(version, row!.version);
        slot += row!.slots;
      }
      if (bits !== groups || version !== cpu) differ.push(name);
    }
    // The suite takes the 64-bit negation for base32; RFC 9669 section 4.1 puts all of ALU64 into base64.
    expect(differ).toEqual(["neg64.data"]);
  });
});
