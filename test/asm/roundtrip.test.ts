import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AsmDialect,
  assemble,
  disassemble,
  objdumpText,
  verifierLogText,
  xlatedText,
} from "../../src/asm/index.ts";
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

describe("listings read back", () => {
  /** Rows whose every field the kernel's listing shows. */
  const shown = ROWS.filter(
    ({ name, group, kind }) =>
      (group !== "internal" || kind === "cast" || kind === "nospec") &&
      group !== "callx" &&
      name !== "call_kfunc" &&
      (kind !== "wide" || name === "ld_imm64_imm"),
  );
  const program = fc
    .array(fc.constantFrom(...shown).chain(insnsOf), { maxLength: 8 })
    .map((parts) => parts.flat());

  it("of the verifier log", () => {
    fc.assert(
      fc.property(program, (insns) => {
        const text = verifierLogText(insns);
        expect([text, assemble(text).insns]).toEqual([text, insns]);
      }),
      { numRuns: 500 },
    );
  });

  it("of bpftool, with opcodes below", () => {
    const callDisplacement = (insn: Insn) => insn.imm;
    fc.assert(
      fc.property(program, (insns) => {
        const text = xlatedText(insns, { callDisplacement }, { opcodes: true });
        expect([text, assemble(text).insns]).toEqual([text, insns]);
      }),
      { numRuns: 500 },
    );
  });

  it("of objdump, as far as LLVM 14 knows the instruction", () => {
    // The listing does not tell a local call from a helper's, and drops the offset of an indirect packet load.
    const lossy = /^(call_(?!helper)|ld_ind|callx|ld_imm64_(?!imm))/;
    const rows = shown.filter(
      (row) => row.version > 0 && row.version < 4 && row.group !== "linux" && !lossy.test(row.name),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...rows).chain(insnsOf), { maxLength: 8 }), (parts) => {
        const insns = parts.flat();
        const text = objdumpText("a.o", [{ name: ".text", insns }]);
        fc.pre(!text.includes("<unknown>") && !insns.some(({ opcode, imm }) => opcode === 0xc3 && imm === 1));
        expect([text, assemble(text).insns]).toEqual([text, insns]);
      }),
      { numRuns: 500 },
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
