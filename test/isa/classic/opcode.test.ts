import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ANCILLARY_OPS, ancillaryOf, CLASSIC_OPS, classicOp, SKF_AD_OFF } from "../../../src/isa/index.ts";

describe("CLASSIC_OPS", () => {
  it("has each code once, and each way of writing once", () => {
    expect(new Set(CLASSIC_OPS.map((row) => row.code)).size).toBe(CLASSIC_OPS.length);
    const written = CLASSIC_OPS.map((row) => `${row.mnemonic} ${row.operand}`);
    expect(new Set(written).size).toBe(CLASSIC_OPS.length);
  });

  it("has the instructions that chk_code_allowed() lists, and ret x", () => {
    expect(CLASSIC_OPS.filter((row) => row.known).length).toBe(49);
    expect(CLASSIC_OPS.filter((row) => !row.known).map((row) => row.code)).toEqual([0x0e]);
  });

  it.each([
    [0x28, "ldh", "abs"],
    [0x40, "ld", "ind"],
    [0x80, "ld", "len"],
    [0xb1, "ldxb", "msh"],
    [0x61, "ldx", "mem"],
    [0x84, "neg", "none"],
    [0x9c, "mod", "x"],
    [0xa4, "xor", "hex"],
    [0x45, "jset", "hex"],
    [0x16, "ret", "a"],
    [0x87, "txa", "none"],
  ])("0x%s is %s %s", (code, mnemonic, operand) => {
    expect(classicOp(code)).toMatchObject({ mnemonic, operand });
  });

  it("is what the machine's literal cases say", () => {
    const source = readFileSync(new URL("../../../src/isa/classic/machine.ts", import.meta.url), "utf8");
    const cases = [...source.matchAll(/case 0x([0-9a-f]{2}): \/\/ (\w+) ?(.*)$/gm)];
    const operands: Record<string, string[]> = {
      abs: ["[k]"],
      ind: ["[x + k]"],
      len: ["#len"],
      hex: ["#k"],
      dec: ["#k"],
      mem: ["M[k]"],
      msh: ["4*([k]&0xf)"],
      target: ["k"],
      x: ["x"],
      a: ["a"],
      none: [""],
    };
    for (const [, code, mnemonic, operand] of cases) {
      const row = classicOp(Number.parseInt(code!, 16))!;
      expect(row.mnemonic).toBe(mnemonic);
      expect(operands[row.operand]).toContain(operand);
    }
    const handled = cases.map(([, code]) => Number.parseInt(code!, 16)).sort((a, b) => a - b);
    const known = CLASSIC_OPS.filter((row) => row.known).map((row) => row.code);
    expect(handled).toEqual(known.sort((a, b) => a - b));
  });
});

describe("ancillaryOf", () => {
  it("finds each by its offset, and nothing between and beyond", () => {
    for (const row of ANCILLARY_OPS) expect(ancillaryOf(SKF_AD_OFF + row.offset)).toBe(row);
    for (const k of [0, SKF_AD_OFF - 4, SKF_AD_OFF + 2, SKF_AD_OFF + 64, 0xffff_ffff]) {
      expect(ancillaryOf(k)).toBeUndefined();
    }
  });
});
