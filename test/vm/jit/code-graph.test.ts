import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/asm/index.ts";
import { successorsOf } from "../../../src/cfg/index.ts";
import { CodeError } from "../../../src/vm/code-error.ts";
import { CodeGraph } from "../../../src/vm/jit/code-graph.ts";

function graphOf(text: string, more: readonly number[] = []): CodeGraph {
  return new CodeGraph("test", assemble(text).insns, { more });
}

/** Blocks as `start-end > successors`. */
function blocksOf(graph: CodeGraph, entry = 0): string[] {
  const { blocks, graph: cfg } = graph.function(entry);
  return blocks.map(({ start, end }, block) =>
    `${start}-${end} > ${successorsOf(cfg, block).join(" ")}`.trim(),
  );
}

describe("CodeGraph", () => {
  it("cuts a function at jumps and at their targets; what falls through comes first", () => {
    const graph = graphOf("r0 = 0\nif r1 == 0 goto out\nr0 = 1\nout:\nexit");
    expect(blocksOf(graph)).toEqual(["0-2 > 1 2", "2-3 > 2", "3-4 >"]);
  });

  it("has no block of code that nothing reaches", () => {
    expect(blocksOf(graphOf("goto out\nr0 = 1\nr0 = 2\nout:\nexit"))).toEqual(["0-1 > 1", "3-4 >"]);
  });

  it("puts an empty block before an entry that is jumped back to", () => {
    expect(blocksOf(graphOf("again:\nr1 += -1\nif r1 != 0 goto again\nexit"))).toEqual([
      "0-0 > 1",
      "0-2 > 2 1",
      "2-3 >",
    ]);
  });

  it("gives a branch to the next instruction both ways there", () => {
    expect(blocksOf(graphOf("if r1 == 0 goto next\nnext:\nexit"))).toEqual(["0-1 > 1 1", "1-2 >"]);
  });

  it("ends where code runs out with an empty block", () => {
    expect(blocksOf(graphOf("r0 = 0"))).toEqual(["0-1 > 1", "1-1 >"]);
  });

  it("knows functions that are called and whose addresses are taken", () => {
    const graph = graphOf("call f\nr2 = subprog[g]\nexit\nf:\nr0 = 1\nexit\ng:\nr0 = 2\nexit");
    expect([...graph.entries]).toEqual([0, 4, 6]);
    expect(blocksOf(graph)).toEqual(["0-4 >"]);
    expect(blocksOf(graph, 4)).toEqual(["4-6 >"]);
    expect(blocksOf(graph, 6)).toEqual(["6-8 >"]);
  });

  it("takes further entries, such as an exception callback's", () => {
    const graph = graphOf("r0 = 0\nexit\nr0 = r1\nexit", [2]);
    expect([...graph.entries]).toEqual([0, 2]);
    expect(blocksOf(graph, 2)).toEqual(["2-4 >"]);
  });

  it("may have the same slots in two functions", () => {
    const graph = graphOf("call f\ngoto end\nf:\nr0 = 1\nend:\nexit");
    expect(blocksOf(graph)).toEqual(["0-2 > 1", "3-4 >"]);
    expect(blocksOf(graph, 2)).toEqual(["2-3 > 1", "3-4 >"]);
  });

  it("counts the second slot of a wide load as none", () => {
    const graph = graphOf("r1 = 0x123456789 ll\nr0 = 0\nexit");
    expect(graph.rows[0]).toBeDefined();
    expect(graph.rows[1]).toBeUndefined();
    expect(blocksOf(graph)).toEqual(["0-4 >"]);
  });

  it("refuses what is no instruction, and targets outside", () => {
    const bad = { opcode: 0xff, dst: 0, src: 0, off: 0, imm: 0 };
    expect(() => new CodeGraph("test", [bad])).toThrow(CodeError);
    expect(() => graphOf("goto +5\nexit")).toThrow("expected a target in the program, got slot 6");
    expect(() => graphOf("goto -2\nexit")).toThrow("expected a target in the program, got slot -1");
    const [wide] = assemble("r1 = 1 ll").insns;
    expect(() => new CodeGraph("test", [wide!])).toThrow("expected the second slot of the wide load");
  });
});
