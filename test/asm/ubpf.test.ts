import { describe, expect, it } from "vitest";
import { assemble, disassemble } from "../../src/asm/index.ts";
import { hexOf } from "../../src/base/index.ts";
import { encode } from "../../src/isa/index.ts";

const ubpf = (text: string) =>
  assemble(text, { dialect: "ubpf", name: "t", helperId: (name) => (name === "bpf_x" ? 7 : undefined) });

describe("ubpf", () => {
  it.each([
    ["mov32 %r0, 0", "b400000000000000"],
    ["mov %r0, -1", "b7000000ffffffff"],
    ["mov64 %r0, %r1", "bf10000000000000"],
    ["ldxdw %r0, [%r1+8]", "7910080000000000"],
    ["ldxsb %r0, [%r1-0x1]", "9110ffff00000000"],
    ["stw [%r10-4], 5", "620afcff05000000"],
    ["stxw [%r1], %r2", "6321000000000000"],
    ["lock add [%r10-8], %r1", "db1af8ff00000000"],
    ["lock fetch add [%r10-8], %r1", "db1af8ff01000000"],
    ["lock fetch or32 [%r10-8], %r1", "c31af8ff41000000"],
    ["lock xchg [%r10-8], %r1", "db1af8ffe1000000"],
    ["lock cmpxchg32 [%r10-8], %r1", "c31af8fff1000000"],
    ["bswap16 %r0", "d700000010000000"],
    ["swap16 %r0", "d700000010000000"],
    ["le16 %r0", "d400000010000000"],
    ["be64 %r3", "dc03000040000000"],
    ["jsgt %r1, 5, +2", "6501020005000000"],
    ["jset32 %r1, %r2, -1", "4e21ffff00000000"],
    ["ja +2", "0500020000000000"],
    ["ja32 -3", "06000000fdffffff"],
    ["lddw %r0, 0x1122334455667788", "18000000887766550000000044332211"],
    ["movsx832 %r0, %r1", "bc10080000000000"],
    ["movsx3264 %r0, %r1", "bf10200000000000"],
    ["sdiv %r0, -4", "37000100fcffffff"],
    ["smod32 %r0, %r1", "9c10010000000000"],
    ["neg32 %r0", "8400000000000000"],
    ["call 5", "8500000005000000"],
    ["call helper 5", "8500000005000000"],
    ["call bpf_x", "8500000007000000"],
    ["call local +3", "8510000003000000"],
    ["call runtime 9", "8520000009000000"],
    ["call %r2", "8d02000000000000"],
    ["callx %r2", "8d02000000000000"],
    ["ldabsh 14", "280000000e000000"],
    ["exit # done", "9500000000000000"],
  ])("%s", (text, bytes) => {
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
