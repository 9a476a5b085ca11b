import { describe, expect, it } from "vitest";
import { ProgramBuilder, r0, r1, r2, r3, r10 } from "../../../src/isa/index.ts";
import { BpfFuncId } from "../../../src/uapi/index.ts";
import { fixed } from "./support.ts";

const CPU = BpfFuncId.get_smp_processor_id;
const CLOCK = BpfFuncId.ktime_get_ns;

/** Slots left of a program, beyond what the calls become. What is expected is what Linux 6.18 left. */
function left(write: (builder: ProgramBuilder) => ProgramBuilder): number {
  const program = write(new ProgramBuilder().mov64(r1, 1).mov64(r2, 2)).mov64(r0, 0).exit().insns();
  const calls = program.filter((_, slot) => slot > 0 && program[slot]!.imm === CPU).length;
  return fixed(program, { target: "linux-x86_64", type: "xdp" }).insns.length - 2 * calls;
}

describe("spills around a fast call", () => {
  it("go with their fills", () => {
    expect(left((b) => b.stx("dw", r10, r1, -8).call(CPU).ldx("dw", r1, r10, -8))).toBe(5);
    expect(
      left((b) =>
        b
          .stx("dw", r10, r1, -8)
          .stx("dw", r10, r2, -16)
          .call(CPU)
          .ldx("dw", r2, r10, -16)
          .ldx("dw", r1, r10, -8),
      ),
    ).toBe(5);
  });

  it("stay where the slots serve something else", () => {
    expect(
      left((b) => b.stx("dw", r10, r1, -8).call(CPU).ldx("dw", r1, r10, -8).ldx("dw", r0, r10, -8)),
    ).toBe(8);
    expect(left((b) => b.st("dw", r10, -24, 0).stx("dw", r10, r1, -8).call(CPU).ldx("dw", r1, r10, -8))).toBe(
      8,
    );
    expect(
      left((b) =>
        b
          .mov64(r3, r10)
          .alu64("add", r3, -40)
          .st("dw", r3, 0, 1)
          .stx("dw", r10, r1, -8)
          .call(CPU)
          .ldx("dw", r1, r10, -8),
      ),
    ).toBe(10);
  });

  it("stay where they are no pairs, or not of the call's free registers", () => {
    expect(left((b) => b.stx("dw", r10, r1, -8).call(CPU).ldx("dw", r2, r10, -8))).toBe(7);
    expect(left((b) => b.mov64(r0, 1).stx("dw", r10, r0, -8).call(CPU).ldx("dw", r0, r10, -8))).toBe(8);
  });

  it("stay around other calls, and for engines", () => {
    expect(left((b) => b.stx("dw", r10, r1, -8).call(CLOCK).ldx("dw", r1, r10, -8))).toBe(7);
    const program = new ProgramBuilder()
      .mov64(r1, 1)
      .stx("dw", r10, r1, -8)
      .call(CPU)
      .ldx("dw", r1, r10, -8)
      .exit()
      .insns();
    expect(fixed(program).insns).toEqual(program);
  });
});
