import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOfHex } from "../../src/base/index.ts";
import { buildCfg, CfgError, dotGraph } from "../../src/cfg/index.ts";
import { decode, type Insn, ProgramBuilder, r0, r1 } from "../../src/isa/index.ts";
import { describeWith, golden } from "../support/referee.ts";
import { listingOf } from "./listing.ts";

const info = golden("raw/prog_info.json");
const listing = golden("bpftool-7.8/xlated_opcodes_linum.txt");
const visual = golden("bpftool-7.8/xlated_visual.txt");
const visualAll = golden("bpftool-7.8/xlated_opcodes_linum_visual.txt");

describeWith([info, listing, visual, visualAll], "dotGraph against bpftool 7.8", () => {
  const insns = decode(bytesOfHex(info.json<{ xlated: string }>().xlated)!);
  const recorded = (text: string): string => text.slice(text.indexOf("\n") + 1, text.lastIndexOf("[rc="));

  it("prints the graph as recorded", () => {
    const shown = { linum: false, opcodes: false };
    expect(dotGraph(insns, listingOf(listing.text(), shown))).toBe(recorded(visual.text()));
  });

  it("prints opcodes and places as recorded", () => {
    const shown = { linum: true, opcodes: true };
    expect(dotGraph(insns, listingOf(listing.text(), shown))).toBe(recorded(visualAll.text()));
  });
});

function edgesOf(insns: Insn[]): string[] {
  const graph = dotGraph(insns, { insn: () => "" }, { callTarget: "imm" });
  return [...graph.matchAll(/(fn_\d+_bb_\d+):s -> (fn_\d+_bb_\d+):n \[style="solid/g)].map(
    ([, from, to]) => `${from} ${to}`,
  );
}

describe("dotGraph", () => {
  it("draws an exit as leading to the next block, as bpftool does", () => {
    const insns = new ProgramBuilder()
      .branch("jeq", r1, 0, "out")
      .exit()
      .label("out")
      .mov64(r0, 1)
      .exit()
      .insns();
    expect(edgesOf(insns)).toEqual([
      "fn_0_bb_0 fn_0_bb_2",
      "fn_0_bb_2 fn_0_bb_3",
      "fn_0_bb_2 fn_0_bb_4",
      "fn_0_bb_3 fn_0_bb_4",
      "fn_0_bb_4 fn_0_bb_1",
    ]);
  });

  it("numbers functions by their first call and lists them by place", () => {
    const insns = new ProgramBuilder()
      .callLocal("late")
      .callLocal("early")
      .exit()
      .label("early")
      .exit()
      .label("late")
      .exit()
      .insns();
    const graph = dotGraph(insns, { insn: () => "" }, { callTarget: "imm" });
    expect([...graph.matchAll(/label="(func_\d)/g)].map(([, name]) => name)).toEqual([
      "func_0",
      "func_2",
      "func_1",
    ]);
  });

  it("draws gotol to its target and may_goto both ways", () => {
    const insns = new ProgramBuilder().label("top").mayGoto("end").gotol("top").label("end").exit().insns();
    expect(edgesOf(insns)).toEqual([
      "fn_0_bb_0 fn_0_bb_2",
      "fn_0_bb_2 fn_0_bb_3",
      "fn_0_bb_2 fn_0_bb_4",
      "fn_0_bb_3 fn_0_bb_2",
      "fn_0_bb_4 fn_0_bb_1",
    ]);
  });

  it("escapes what Graphviz's records give a meaning", () => {
    const graph = dotGraph(new ProgramBuilder().exit().insns(), {
      insn: () => "a < b | c & {d}",
      lines: [{ slot: 0, text: '\tif (a > b) { s = "\\n"; }' }],
    });
    expect(graph).toContain('; if\\ (a\\ \\>\\ b)\\ \\{\\ s\\ =\\ \\"\\\\n\\";\\ \\}\\l\\\n');
    expect(graph).toContain("0: a \\< b \\| c \\& {d}\\l\\\n");
  });

  it("cuts instructions at 63 characters, with the line break, as bpftool does", () => {
    const graph = dotGraph(new ProgramBuilder().exit().insns(), { insn: () => "x".repeat(70) });
    expect(graph).toContain(`0: ${"x".repeat(63)}}"];`);
  });

  it("bears a wide load at a block's end, jumps outside, and an empty program", () => {
    const wide = new ProgramBuilder().ldImm64(r0, 1).label("l").branch("jeq", r0, 0, "l").exit().insns();
    expect(dotGraph(wide, { insn: () => "i" })).toContain('0: i\\l\\\n| }"];');
    const outside = new ProgramBuilder().branch("jeq", r0, 0, 100).exit().insns();
    expect(edgesOf(outside)).toEqual(["fn_0_bb_0 fn_0_bb_2", "fn_0_bb_2 fn_0_bb_3", "fn_0_bb_3 fn_0_bb_1"]);
    expect(dotGraph([], { insn: () => "" })).toContain("digraph");
  });

  it("bears any instructions", () => {
    const insn = fc.record({
      opcode: fc.nat(255),
      dst: fc.nat(15),
      src: fc.nat(2),
      off: fc.integer({ min: -8, max: 8 }),
      imm: fc.integer({ min: -8, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(insn, { maxLength: 20 }), (insns) => {
        const graph = dotGraph(insns, { insn: (slot) => `${slot}` });
        expect(graph.endsWith("}\n")).toBe(true);
        try {
          buildCfg(insns);
        } catch (error) {
          if (!(error instanceof CfgError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
