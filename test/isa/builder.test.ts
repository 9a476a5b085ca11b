import { describe, expect, it } from "vitest";
import { hexOf } from "../../src/base/index.ts";
import { encode, ProgramBuilder, r0, r1, r2, r10 } from "../../src/isa/index.ts";

describe("ProgramBuilder", () => {
  it("writes programs with labels forwards and back", () => {
    const insns = new ProgramBuilder()
      .mov64(r0, 0)
      .label("again")
      .branch("jeq", r1, 0, "out")
      .alu64("add", r0, r1)
      .alu64("sub", r1, 1)
      .ja("again")
      .label("out")
      .exit()
      .insns();
    expect(hexOf(encode(insns))).toBe(
      "b700000000000000" +
        "1501030000000000" +
        "0f10000000000000" +
        "1701000001000000" +
        "0500fcff00000000" +
        "9500000000000000",
    );
  });

  it("tells registers from numbers and counts the slots of wide loads", () => {
    const insns = new ProgramBuilder()
      .gotol("end")
      .ldImm64(r2, -1n)
      .callLocal("end")
      .label("end")
      .stx("w", r10, r1, -4)
      .atomicFetch("add", "dw", r10, r2, -8)
      .exit()
      .insns();
    expect(insns[0]).toEqual({ opcode: 0x06, dst: 0, src: 0, off: 0, imm: 3 });
    expect(insns[3]).toEqual({ opcode: 0x85, dst: 0, src: 1, off: 0, imm: 0 });
    expect(insns[5]).toEqual({ opcode: 0xdb, dst: 10, src: 2, off: -8, imm: 1 });
  });

  it("says what is wrong", () => {
    expect(() => new ProgramBuilder().ja("x").insns()).toThrow("label x is not defined");
    expect(() => new ProgramBuilder().label("x").label("x")).toThrow("label x is defined twice");
    expect(() => new ProgramBuilder().ldx("w", r0, r1, 40000)).toThrow(
      "expected an offset of 16 bits, got 40000",
    );
    expect(() => new ProgramBuilder().mov64(r0, 2 ** 33)).toThrow("expected an immediate of 32 bits");
    const far = new ProgramBuilder().ja("end");
    for (let i = 0; i < 40_000; i++) far.mov64(r0, 0);
    expect(() => far.label("end").exit().insns()).toThrow("expected a jump of 16 bits, got 40000 slots");
  });
});
