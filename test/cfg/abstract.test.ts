import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graphOf } from "../../src/cfg/abstract.ts";
import { buildCfg, EdgeKind, predecessorsOf, successorsOf } from "../../src/cfg/index.ts";
import { ProgramBuilder, r0, r1 } from "../../src/isa/index.ts";

const graphs = fc
  .integer({ min: 1, max: 20 })
  .chain((count) =>
    fc.array(fc.array(fc.nat(count - 1), { maxLength: 2 }), { minLength: count, maxLength: count }),
  );

describe("graphOf", () => {
  it("has the edges that it was given, in their order", () => {
    fc.assert(
      fc.property(graphs, (successors) => {
        const cfg = graphOf(successors);
        expect(cfg.blockCount).toBe(successors.length);
        for (const [block, expected] of successors.entries())
          expect([...successorsOf(cfg, block)]).toEqual(expected);
      }),
    );
  });

  it("knows each edge at its end, too", () => {
    fc.assert(
      fc.property(graphs, (successors) => {
        const cfg = graphOf(successors);
        for (let block = 0; block < cfg.blockCount; block++) {
          const expected = successors.flatMap((list, from) =>
            list.flatMap((to) => (to === block ? [from] : [])),
          );
          expect([...predecessorsOf(cfg, block)].sort((a, b) => a - b)).toEqual(expected);
        }
      }),
    );
  });

  it("is one function, whose blocks stand for themselves", () => {
    const cfg = graphOf([[1, 2], [2], []]);
    expect(cfg.functions).toEqual([{ start: 0, end: 3, entry: 0, endBlock: 3 }]);
    expect([...cfg.blockOf]).toEqual([0, 1, 2]);
    expect([...cfg.starts]).toEqual([0, 1, 2, 3]);
  });

  it("says which edge falls through, as the graph of a program does", () => {
    const cfg = graphOf([[1, 2], [2], []]);
    expect([...cfg.edgeKind]).toEqual([EdgeKind.fallthrough, EdgeKind.taken, EdgeKind.taken]);
    const program = buildCfg(
      new ProgramBuilder().branch("jeq", r1, 0, "b2").mov64(r0, 1).ja("b2").label("b2").exit().insns(),
    );
    // A program has an edge out of it, too.
    expect([...program.edgeKind].slice(0, 3)).toEqual([...cfg.edgeKind]);
    expect([...program.edgeTo].slice(0, 3)).toEqual([...cfg.edgeTo]);
  });

  it("may have no edges at all", () => {
    expect([...successorsOf(graphOf([[]]), 0)]).toEqual([]);
  });
});
