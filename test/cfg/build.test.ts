import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildCfg, type Cfg, CfgError, EdgeKind, predecessorsOf, successorsOf } from "../../src/cfg/index.ts";
import { type Insn, lookup, ProgramBuilder, r0, r1, r6 } from "../../src/isa/index.ts";
import { endings, programOf } from "./programs.ts";

function blocks(cfg: Cfg): [number, number, number[]][] {
  return Array.from({ length: cfg.blockCount }, (_, block) => [
    cfg.starts[block]!,
    cfg.starts[block + 1]!,
    successorsOf(cfg, block),
  ]);
}

describe("buildCfg", () => {
  it("cuts at jumps and their targets", () => {
    const insns = new ProgramBuilder()
      .mov64(r0, 0)
      .branch("jgt", r1, 5, "out")
      .ldImm64(r0, 1n)
      .label("out")
      .exit()
      .insns();
    const cfg = buildCfg(insns);
    expect(blocks(cfg)).toEqual([
      [0, 2, [1, 2]],
      [2, 4, [2]],
      [4, 5, []],
    ]);
    expect([...cfg.edgeKind]).toEqual([
      EdgeKind.fallthrough,
      EdgeKind.taken,
      EdgeKind.fallthrough,
      EdgeKind.exit,
    ]);
    expect(cfg.edgeTo[3]).toBe(cfg.blockCount);
    expect(predecessorsOf(cfg, 2)).toEqual([0, 1]);
    expect(predecessorsOf(cfg, cfg.blockCount)).toEqual([2]);
  });

  it("begins functions at the targets of calls and of function addresses", () => {
    const insns = new ProgramBuilder()
      .callLocal("one")
      .ldFunc(r6, "two")
      .exit()
      .label("two")
      .mov64(r0, 2)
      .exit()
      .label("one")
      .mov64(r0, 1)
      .exit()
      .insns();
    const cfg = buildCfg(insns);
    expect(cfg.functions).toEqual([
      { start: 0, end: 4, entry: 0, endBlock: 1 },
      { start: 4, end: 6, entry: 1, endBlock: 2 },
      { start: 6, end: 8, entry: 2, endBlock: 3 },
    ]);
  });

  it("takes the distance of calls from off where the kernel's JIT put it", () => {
    const call: Insn = { opcode: 0x85, dst: 0, src: 1, off: 1, imm: 7 };
    const [exit] = new ProgramBuilder().exit().insns() as [Insn];
    expect(buildCfg([call, exit, exit], { callTarget: "off" }).functions.map(({ start }) => start)).toEqual([
      0, 2,
    ]);
  });

  it("follows gotol, may_goto and goto", () => {
    const insns = new ProgramBuilder().label("top").mayGoto("end").gotol("top").label("end").exit().insns();
    expect(blocks(buildCfg(insns))).toEqual([
      [0, 1, [1, 2]],
      [1, 2, [0]],
      [2, 3, []],
    ]);
  });

  it.each<[string, Insn[], string]>([
    ["a jump outside", new ProgramBuilder().ja(3).exit().insns(), "control flow: slot 0: expected a target"],
    [
      "a jump into a wide load",
      new ProgramBuilder().ja(1).ldImm64(r0, 1).exit().insns(),
      "control flow: slot 0: slot 2 is the middle of a wide load",
    ],
    ["an open end", new ProgramBuilder().mov64(r0, 1).insns(), "slot 0: the function runs on past its end"],
    [
      "a jump into another function",
      new ProgramBuilder().callLocal("f").branch("jeq", r1, 0, "f").exit().label("f").exit().insns(),
      "slot 1: the jump to slot 3 leaves the function at slot 0",
    ],
  ])("refuses %s", (_, insns, message) => {
    expect(() => buildCfg(insns)).toThrow(CfgError);
    expect(() => buildCfg(insns)).toThrow(message);
  });

  it("makes an empty graph of an empty program", () => {
    expect(buildCfg([])).toMatchObject({ blockCount: 0, functions: [] });
  });

  it("partitions the code into blocks that are entered at the top and left at the bottom", () => {
    fc.assert(
      fc.property(endings, (list) => {
        const insns = programOf(list);
        const cfg = buildCfg(insns);
        expect(cfg.starts[0]).toBe(0);
        expect(cfg.starts[cfg.blockCount]).toBe(insns.length);
        for (let block = 0; block < cfg.blockCount; block++) {
          expect(cfg.starts[block]!).toBeLessThan(cfg.starts[block + 1]!);
          for (let slot = cfg.starts[block]!; slot < cfg.starts[block + 1]!; slot++) {
            expect(cfg.blockOf[slot]).toBe(block);
            const { kind } = lookup(insns[slot]!)!;
            const ends = kind === "branch" || kind === "goto" || kind === "exit";
            if (ends) expect(slot).toBe(cfg.starts[block + 1]! - 1);
          }
        }
        expect([...cfg.incoming].sort((a, b) => a - b)).toEqual([...cfg.edgeTo.keys()]);
      }),
    );
  });
});
