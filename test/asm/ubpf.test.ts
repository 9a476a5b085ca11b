import { describe, expect, it } from "vitest";
import { assemble, disassemble } from "../../src/asm/index.ts";
import { hexOf } from "../../src/base/index.ts";
import { encode } from "../../src/isa/index.ts";
import { goldenLines } from "./golden-lines.ts";

const ubpf = (text: string) =>
  assemble(text, { dialect: "ubpf", name: "t", helperId: (name) => (name === "bpf_x" ? 77 : undefined) });

describe("ubpf", () => {
  it.each(goldenLines("ubpf.txt"))("%s", (text, bytes) => {
    expect(hexOf(encode(ubpf(text).insns))).toBe(bytes);
  });

  it("has labels, the first exit by itself among them", () => {
    const { insns } = ubpf(
      "jeq %r1, 0, exit\nlddw %r0, 1\ncall local func1\nL1: mov %r0, 1\nja L1\nexit\nfunc1:\nexit",
    );
    expect(insns.map(({ off, imm }) => [off, imm])).toEqual([
      [5, 0],
      [0, 1],
      [0, 0],
      [0, 3],
      [0, 1],
      [-2, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it("prints small numbers in decimal and others in hex", () => {
    const text = "mov %r0, 10\nmov %r0, 0xb\nmov %r0, -300\nldxb %r0, [%r1]\ncall local +0\nexit\n";
    expect(disassemble(ubpf(text).insns, { dialect: "ubpf" })).toBe(text);
  });

  it("points at every wrong line", () => {
    const wrong =
      "ldxq %r0, %r1\nldxb %r0, %r1\nldxb %r0, [%r1+0x10000]\nlock\nor %r0, %r50\nmov32 %r0, 0x100000000\nja NOT_A_LABEL\ncall bpf_y\nexit 5";
    expect(() => ubpf(wrong)).toThrow(
      [
        "t:1:1: error: there is no instruction 'ldxq' [ASM0002]",
        "t:2:11: error: expected '[', got '%' [ASM0001]",
        "t:3:15: error: expected an offset of 16 bits, got 65536 [ASM0004]",
        "t:4:5: error: expected an atomic operation, got the end of the line [ASM0001]",
        "t:5:9: error: expected a register up to %r10, got '%r50' [ASM0003]",
        "t:6:12: error: expected an immediate of 32 bits, got 4294967296 [ASM0004]",
        "t:7:4: error: label 'NOT_A_LABEL' is not defined [ASM0005]",
        "t:8:6: error: there is no helper 'bpf_y' [ASM0008]",
        "t:9:6: error: expected the end of the line, got '5' [ASM0001]",
      ]
        .map((line, index) => {
          const source = wrong.split("\n")[index]!;
          const [, , column] = line.split(":");
          const rest = source.slice(Number(column) - 1);
          const width = [4, 1, 8, 1, 4, 11, 11, 5, 1][index]!;
          return `${line}\n  ${source}\n  ${" ".repeat(source.length - rest.length)}${"^".repeat(width)}`;
        })
        .join("\n"),
    );
  });
});
