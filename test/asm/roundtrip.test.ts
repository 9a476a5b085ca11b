import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AsmDialect, assemble, disassemble } from "../../src/asm/index.ts";
import { bytesOfHex } from "../../src/base/index.ts";
import { decode, type Insn, ROWS } from "../../src/isa/index.ts";
import { insnsOf } from "../isa/arbitrary.ts";
import { describeWith, groundtruth } from "../support/referee.ts";

const DIALECTS: readonly AsmDialect[] = ["pseudoc", "ubpf"];

describe.each(DIALECTS)("print and parse, %s", (dialect) => {
  it("are inverse on every row of the table", () => {
    for (const row of ROWS) {
      fc.assert(
        fc.property(insnsOf(row), (insns) => {
          const text = disassemble(insns, { dialect });
          expect(text).not.toContain(".insn");
          expect([text, assemble(text, { dialect }).insns]).toEqual([text, insns]);
        }),
        { numRuns: 25 },
      );
    }
  });

  it("are inverse on whatever slots, with labels too", () => {
    const slot: fc.Arbitrary<Insn> = fc.record({
      opcode: fc.integer({ min: 0, max: 255 }),
      dst: fc.integer({ min: 0, max: 15 }),
      src: fc.integer({ min: 0, max: 15 }),
      off: fc.oneof(fc.integer({ min: -6, max: 6 }), fc.integer({ min: -0x8000, max: 0x7fff })),
      imm: fc.oneof(fc.integer({ min: -6, max: 6 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
    });
    const one = fc.oneof(
      slot.map((insn) => [insn]),
      fc.constantFrom(...ROWS).chain(insnsOf),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), fc.boolean(), (parts, labels) => {
        const insns = parts.flat();
        const text = disassemble(insns, { dialect, labels });
        expect([text, assemble(text, { dialect }).insns]).toEqual([text, insns]);
      }),
      { numRuns: 2000 },
    );
  });
});

const files = ["bpf_conformance.json.gz", "verifier-cases.json.gz"].map(groundtruth);
describeWith(files, "print and parse on the ground truth", () => {
  const programs = files.flatMap((file) => file.json<{ insns: string }[]>().map(({ insns }) => insns));

  it.each(DIALECTS)("give the same slots, %s", (dialect) => {
    expect(programs.length).toBeGreaterThan(900);
    for (const hex of programs) {
      const insns = decode(bytesOfHex(hex)!);
      for (const labels of [false, true]) {
        const text = disassemble(insns, { dialect, labels });
        expect([text, assemble(text, { dialect }).insns]).toEqual([text, insns]);
      }
    }
  });
});
