import { describe, expect, it } from "vitest";
import { type Insn, ProgramBuilder, r0, r1 } from "../../../src/isa/index.ts";
import { mapFunctions, mapLines } from "../../../src/verifier/index.ts";
import { fixed } from "./support.ts";

const at = (...slots: number[]) => slots.map((slot) => ({ slot }));
const slots = (records: readonly { slot: number }[]) => records.map(({ slot }) => slot);

describe("mapLines", () => {
  it("keeps lines at the start of what an instruction became", () => {
    const program = new ProgramBuilder()
      .mov64(r0, 1)
      .alu64("div", r0, r1)
      .alu64("div", r0, r1)
      .exit()
      .insns();
    expect(slots(mapLines(at(0, 1, 2, 3), fixed(program)))).toEqual([0, 1, 5, 9]);
  });

  // Three dead slots between two live ones.
  const gap: Insn[] = new ProgramBuilder().mov64(r0, 1).ja(0).ja(0).ja(0).exit().insns();

  it("hands the last removed line on to an instruction without one", () => {
    expect(slots(mapLines(at(0, 1, 2, 3), fixed(gap)))).toEqual([0, 1]);
    expect(
      mapLines(
        [
          { slot: 0, line: "a" },
          { slot: 2, line: "b" },
        ],
        fixed(gap),
      )[1],
    ).toEqual({ slot: 1, line: "b" });
  });

  it("drops removed lines before an instruction that has its own", () => {
    expect(
      mapLines(
        [
          { slot: 2, line: "a" },
          { slot: 4, line: "b" },
        ],
        fixed(gap),
      ),
    ).toEqual([{ slot: 1, line: "b" }]);
  });
});

describe("mapFunctions", () => {
  const program = new ProgramBuilder()
    .callLocal("live")
    .exit()
    .label("dead")
    .mov64(r0, 1)
    .exit()
    .label("live")
    .ja(0)
    .mov64(r0, 2)
    .exit()
    .insns();

  it("drops functions that are gone, and keeps those that lost their first instruction", () => {
    const result = fixed(program);
    expect(slots(mapFunctions(at(0, 2, 4), result))).toEqual([0, 2]);
    expect(result.functions).toEqual([0, 2]);
  });
});
