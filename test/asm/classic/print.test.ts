import { describe, expect, it } from "vitest";
import { classicImage, parseClassic, printClassic } from "../../../src/asm/classic/index.ts";
import { NotSupported } from "../../../src/base/index.ts";
import { CLASSIC_OPS } from "../../../src/isa/index.ts";

const insn = (code: number, k = 0, jt = 0, jf = 0) => ({ code, jt, jf, k: k >>> 0 });

describe("classicImage", () => {
  it.each([
    [insn(0x28, 12), 0, "(000) ldh      [12]"],
    [insn(0x20, -1), 7, "(007) ld       [-1]"],
    [insn(0x30, 0xfffff030), 7, "(007) ldb      [vlanp]"],
    [insn(0x40, -4), 1000, "(1000) ld       [x + -4]"],
    [insn(0x15, 0x800, 1, 4), 1, "(001) jeq      #0x800           jt 3\tjf 6"],
    [insn(0x1d, 5, 0, 0), 1, "(001) jeq      x                jt 2\tjf 2"],
    [insn(0x05, 3), 2, "(002) ja       6"],
    [insn(0x05, 0xffff_fffe), 2, "(002) ja       1"],
    [insn(0x06, 0xffff_ffff), 9, "(009) ret      #-1"],
    [insn(0x16), 9, "(009) ret      "],
    [insn(0x84), 9, "(009) neg      "],
    [insn(0x81), 9, "(009) ldx      #pktlen"],
    [insn(0xb1, 14), 6, "(006) ldxb     4*([14]&0xf)"],
    [insn(0xa4, 255), 6, "(006) xor      #0xff"],
    [insn(0x0e), 6, "(006) unimp    0xe"],
    [insn(0xf5, 1, 2, 3), 6, "(006) unimp    0xf5             jt 9\tjf 10"],
  ])("%j at %s", (given, index, text) => {
    expect(classicImage(given, index)).toBe(text);
  });
});

describe("printClassic", () => {
  const program = [insn(0x28, 12), insn(0x15, 0x800, 0, 1), insn(0x06, 0x40000), insn(0x06)];

  it("prints a C array", () => {
    expect(printClassic(program, "dd")).toBe(
      "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000800 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n",
    );
  });

  it("prints decimal numbers after their count", () => {
    expect(printClassic(program, "ddd")).toBe("4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n");
    expect(printClassic([], "ddd")).toBe("0\n");
  });

  it("prints labels for bpf_asm", () => {
    expect(printClassic(program, "bpf_asm")).toBe(
      "        ldh [12]\n        jeq #0x800, L2, L3\nL2:     ret #262144\nL3:     ret #0\n",
    );
  });

  it("prints every instruction so that it reads back", () => {
    const all = CLASSIC_OPS.map((row) => insn(row.code, row.operand === "target" ? 1 : 3));
    const ret = insn(0x06);
    expect(parseClassic(printClassic([...all, ret, ret, ret], "bpf_asm"))).toEqual(
      [...all, ret, ret, ret].map(({ code, jt, jf, k }) => {
        const { operand } = CLASSIC_OPS.find((row) => row.code === code)!;
        return { code, jt, jf, k: ["x", "a", "none", "len"].includes(operand) ? 0 : k };
      }),
    );
  });

  it("says what bpf_asm cannot write", () => {
    expect(() => printClassic([insn(0xff)], "bpf_asm")).toThrow(NotSupported);
    expect(() => printClassic([insn(0x05, 1), insn(0x06)], "bpf_asm")).toThrow(
      /a jump to instruction 2 of 2/,
    );
  });
});
