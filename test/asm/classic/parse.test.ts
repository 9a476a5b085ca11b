import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseClassic, printClassic } from "../../../src/asm/classic/index.ts";
import { xlatedText } from "../../../src/asm/index.ts";
import { CompileError, SourceText, TsbpfError } from "../../../src/base/index.ts";
import {
  ancillaryOf,
  CLASSIC_OPS,
  type ClassicLowering,
  classicOp,
  type SockFilter,
  skBuffLowering,
  translateClassic,
} from "../../../src/isa/index.ts";
import { anyInsn, layout, shown, validProgram } from "../../isa/classic/programs.ts";

const folder = new URL("../../../testdata/classic/", import.meta.url);
const STYLES = ["d", "dd", "ddd"] as const;

/** Both translations as listings, with the names of kernel functions in the calls. */
function translations(program: SockFilter[]): Map<string, string> {
  const listing = (lowering: ClassicLowering | undefined): string => {
    const { insns, calls } = translateClassic(program, lowering);
    const symbols = new Map(calls.map(({ slot, symbol }) => [slot, symbol]));
    const named = insns.map((insn, slot) => (symbols.has(slot) ? { ...insn, imm: slot } : insn));
    return xlatedText(named, { symbolName: (offset) => symbols.get(offset) });
  };
  const hatype = program.some(
    ({ code, k }) => ancillaryOf(k)?.name === "hatype" && classicOp(code)?.operand === "abs",
  );
  const texts = new Map([["sk_buff", listing(skBuffLowering(layout))]]);
  if (!hatype) texts.set("__sk_buff", listing(undefined));
  return texts;
}

function sectionsOf(text: string): Map<string, string> {
  const parts = text.split(/^== (\w+)\n/m).slice(1);
  return new Map(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1]!] as const] : [])));
}

describe.each(readdirSync(folder).filter((name) => name.endsWith(".case.txt")))("%s", (name) => {
  const file = new URL(name, folder);
  const source = sectionsOf(readFileSync(file, "utf8")).get("bpf_asm")!;
  const program = parseClassic(new SourceText(source, name));
  const listings = translations(program);
  if (process.env["TSBPF_BLESS"]) {
    const parts = STYLES.map((style) => `== ${style}\n${printClassic(program, style)}`);
    for (const [lowering, text] of listings) parts.push(`== ${lowering}\n${text}`);
    writeFileSync(file, `== bpf_asm\n${source}${parts.join("")}`);
  }
  const sections = sectionsOf(readFileSync(file, "utf8"));

  it.each(STYLES)("prints and reads -%s", (style) => {
    expect(printClassic(program, style)).toBe(sections.get(style));
    expect(parseClassic(sections.get(style)!)).toEqual(program);
  });

  it.each([...listings.keys()])("translates to a program over %s", (lowering) => {
    expect(listings.get(lowering)).toBe(sections.get(lowering));
  });

  it("prints labels and reads them back", () => {
    expect(parseClassic(printClassic(program, "bpf_asm"))).toEqual(program);
  });
});

describe("parseClassic", () => {
  const anyProgram = fc.array(anyInsn, { minLength: 1, maxLength: 30 });

  it.each(["dd", "ddd"] as const)("is the inverse of printing -%s, for any instructions", (style) => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        expect(parseClassic(printClassic(program, style))).toEqual(program);
      }),
    );
  });

  it("is the inverse of printing -d, for all that libpcap knows", () => {
    const known = anyProgram.map((list) =>
      list.filter(({ code }) => classicOp(code)?.known === true).map(shown),
    );
    fc.assert(
      fc.property(known, (program) => {
        expect(parseClassic(printClassic(program, "d"))).toEqual(program);
      }),
    );
  });

  it("is the inverse of printing bpf_asm's text, for valid programs", () => {
    fc.assert(
      fc.property(validProgram, (program) => {
        expect(parseClassic(printClassic(program, "bpf_asm"))).toEqual(program.map(shown));
      }),
    );
  });

  it("reads the one-line form of iptables and tc", () => {
    const program = [
      { code: 0x30, jt: 0, jf: 0, k: 9 },
      { code: 0x06, jt: 0, jf: 0, k: 0xffff_ffff },
    ];
    expect(parseClassic("2,48 0 0 9,6 0 0 4294967295")).toEqual(program);
    expect(parseClassic("2,48 0 0 9,6 0 0 4294967295,\n")).toEqual(program);
  });

  it("reads any case, any layout, and all of C's numbers", () => {
    expect(parseClassic("LDH [0x0c] JEQ #010,\n  Yes,no\nyes:\nRET #0b11 NO: ret\tA")).toEqual([
      { code: 0x28, jt: 0, jf: 0, k: 12 },
      { code: 0x15, jt: 0, jf: 1, k: 8 },
      { code: 0x06, jt: 0, jf: 0, k: 3 },
      { code: 0x16, jt: 0, jf: 0, k: 0 },
    ]);
  });

  it("reads nothing as no instructions", () => {
    expect(parseClassic("; nothing\n# here\n/* either */")).toEqual([]);
  });

  it.each<[string, string]>([
    ["ldq [12]", "<input>:1:1: error: unknown instruction 'ldq' [CBPF0002]\n  ldq [12]\n  ^^^"],
    [
      "ldh [12",
      "<input>:1:8: error: expected ']', got the end of the text [CBPF0001]\n  ldh [12\n         ^",
    ],
    ["ldh M[2]", "<input>:1:5: error: ldh takes no operand M[2] [CBPF0001]\n  ldh M[2]\n      ^^^^"],
    [
      "ld #4294967296",
      "1:5: error: expected a constant from -2147483648 to 4294967295, got 4294967296 [CBPF0003]",
    ],
    ["ld #09", "1:5: error: expected a constant, got the malformed number '09' [CBPF0001]"],
    ["ldx 5*([14]&0xf)", "1:5: error: expected 4*([k]&0xf), got factor 5 and mask 15 [CBPF0003]"],
    ["ret #0\nja gone", "2:4: error: label 'gone' is not defined [CBPF0004]"],
    ["aa: tax\naa: ret a", "2:1: error: label 'aa' is defined twice [CBPF0005]"],
    [
      "up: tax\njeq #1, up",
      "2:9: error: expected a jump over 0 to 255 instructions, this one leads back [CBPF0006]",
    ],
    [
      `jeq #1, far\n${"tax\n".repeat(256)}far: ret a`,
      "1:9: error: expected a jump over 0 to 255 instructions, this one skips 256 instructions [CBPF0006]",
    ],
    ["(000) tax\n(002) ret", "2:1: error: expected instruction number 1, got (002) [CBPF0007]"],
    ["(000) unimp    0xe", "1:7: error: unknown instruction 'unimp' [CBPF0002]"],
    ["{ 0x28, 0, 256, 12 },", "1:12: error: expected jf from 0 to 255, got 256 [CBPF0003]"],
    ["{ 0x28, 0, 12 },", "1:15: error: expected ',', got '}' [CBPF0001]"],
    ["3\n6 0 0 0\n", "1:1: error: expected 3 instructions, got 1 [CBPF0007]"],
    ["1\n6 0 0\n0\n", "2:5: error: expected four numbers on the line: code, jt, jf and k [CBPF0001]"],
    ["1\n6 0 0 0 0\n", "2:9: error: expected a comma or the end of the line, got '0' [CBPF0001]"],
    ["ldh [12]\n/* open", "2:1: error: expected an instruction, got '/' [CBPF0001]"],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => parseClassic(text)).toThrow(CompileError);
    expect(() => parseClassic(text)).toThrow(message);
  });

  it("reports all errors in the order of the text", () => {
    try {
      parseClassic(new SourceText("ja nowhere\nfoo\nld [\nret x, y", "f.asm"));
      expect.unreachable();
    } catch (error) {
      const { diagnostics } = error as CompileError;
      expect(diagnostics.map(({ code }) => code)).toEqual(["CBPF0004", "CBPF0002", "CBPF0001", "CBPF0001"]);
      expect((error as CompileError).message).toMatch(/^f\.asm:1:4: error: label 'nowhere' is not defined/);
    }
  });

  it("bears any text", () => {
    const words = CLASSIC_OPS.flatMap((row) => [
      row.mnemonic,
      "[",
      "]",
      "#",
      "x",
      "M",
      ",",
      "L1",
      "L1:",
      "(000)",
      "{",
    ]);
    const soup = fc
      .array(fc.oneof(fc.constantFrom(...words, "\n", "/*", ";"), fc.string()))
      .map((a) => a.join(" "));
    fc.assert(
      fc.property(soup, (text) => {
        try {
          parseClassic(text);
        } catch (error) {
          if (!(error instanceof TsbpfError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("takes time in proportion to the text", () => {
    const label = (i: number) => `label_${i}: ld [${i}]\n`;
    const text = Array.from({ length: 50_000 }, (_, i) => label(i)).join("") + "[".repeat(100_000);
    const start = performance.now();
    expect(() => parseClassic(text)).toThrow(CompileError);
    expect(() => parseClassic("/*".repeat(150_000))).toThrow(CompileError);
    expect(() => parseClassic("a:".repeat(150_000))).toThrow(CompileError);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("reports a hundred errors at most", () => {
    const errors = (() => {
      try {
        parseClassic("a: ".repeat(1000));
      } catch (error) {
        return (error as CompileError).diagnostics.length;
      }
      return 0;
    })();
    expect(errors).toBe(100);
  });
});
