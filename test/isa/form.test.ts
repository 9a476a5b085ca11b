import { describe, expect, it } from "vitest";
import { bytesOfHex } from "../../src/base/index.ts";
import { checkForm, decode, ProgramBuilder, r0, r1 } from "../../src/isa/index.ts";
import { describeWith, groundtruth } from "../support/referee.ts";

const problems = (hex: string) =>
  checkForm(decode(bytesOfHex(hex)!)).map(({ slot, reason }) => `${slot}: ${reason}`);
const EXIT = "9500000000000000";

describe("checkForm", () => {
  it.each([
    ["", ["0: the program has no instructions"]],
    [EXIT, []],
    ["b700000000000000", ["0: the last instruction is neither an exit nor a jump"]],
    [`8c00000000000000${EXIT}`, ["0: unknown instruction: opcode 0x8c, src 0, off 0, imm 0"]],
    [`b700040000000000${EXIT}`, ["0: reserved field off: expected 0, got 4"]],
    [`b720000000000000${EXIT}`, ["0: reserved field src: expected 0, got 2"]],
    [`bf00000001000000${EXIT}`, ["0: reserved field imm: expected 0, got 1"]],
    [`bfb0000000000000${EXIT}`, ["0: src register r11 does not exist"]],
    [`b70a000000000000${EXIT}`, ["0: the frame pointer r10 is read-only"]],
    [`0500010000000000${EXIT}`, ["0: jump out of range from slot 0 to 2"]],
    [`0500feff00000000${EXIT}`, ["0: jump out of range from slot 0 to -1"]],
    [`85100000ff000000${EXIT}`, ["0: call out of range from slot 0 to 256"]],
    [
      `050001000000000018000000000000000000000000000000${EXIT}`,
      ["0: jump from slot 0 into the middle of the wide load at 1"],
    ],
    [
      `18000000000000000100000000000000${EXIT}`,
      ["0: the second slot of the 64-bit immediate load must be zero but for its immediate"],
    ],
    [
      `1870000000000000${"00".repeat(8)}${EXIT}`,
      ["0: unknown instruction: opcode 0x18, src 7, off 0, imm 0"],
    ],
    [`c200000000000000${EXIT}`, ["0: nospec is of group internal, which is not allowed here"]],
  ])("%s", (hex, expected) => {
    expect(problems(hex)).toEqual(expected);
  });

  it("restricts to groups and stops at the limit", () => {
    const insns = new ProgramBuilder().alu64("div", r0, r1).alu64("mul", r0, 2).exit().insns();
    expect(checkForm(insns)).toEqual([]);
    expect(checkForm(insns, { groups: new Set(["base32", "base64"]) }).map(({ slot }) => slot)).toEqual([
      0, 1,
    ]);
    expect(checkForm(insns, { groups: new Set(["base32"]), limit: 1 })).toHaveLength(1);
  });
});

const conformance = groundtruth("bpf_conformance.json.gz");
describeWith([conformance], "the conformance suite", () => {
  it("accepts the conformance suite", () => {
    const cases =
      conformance.json<
        {
          name: string;
          insns: string;
          error: string;
        }[]
      >();
    for (const { name, insns, error } of cases) {
      if (error !== "") continue;
      expect([name, checkForm(decode(bytesOfHex(insns)!))]).toEqual([name, []]);
    }
  });
});
