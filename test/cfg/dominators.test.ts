import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildCfg,
  type Cfg,
  dominates,
  dominatorsOf,
  isReachable,
  NO_BLOCK,
  orderOf,
  successorsOf,
} from "../../src/cfg/index.ts";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { endings, ladder, programOf } from "./programs.ts";

/** Blocks that the entry reaches without passing `without`. */
function reached(cfg: Cfg, without: number): Set<number> {
  const seen = new Set<number>();
  const work = [cfg.functions[0]!.entry];
  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    if (block === without || seen.has(block)) continue;
    seen.add(block);
    work.push(...successorsOf(cfg, block));
  }
  return seen;
}

describe("dominatorsOf", () => {
  it("agrees with the definition on random graphs", () => {
    fc.assert(
      fc.property(endings, (list) => {
        const cfg = buildCfg(programOf(list));
        const order = orderOf(cfg);
        const dominators = dominatorsOf(cfg, order);
        const all = reached(cfg, NO_BLOCK);
        for (let a = 0; a < cfg.blockCount; a++) {
          expect(isReachable(order, a)).toBe(all.has(a));
          const avoiding = reached(cfg, a);
          for (let b = 0; b < cfg.blockCount; b++) {
            const expected = all.has(a) && all.has(b) && (a === b || !avoiding.has(b));
            expect(dominates(dominators, a, b), `${a} dominates ${b}`).toBe(expected);
          }
          const immediate = dominators.immediate[a]!;
          if (all.has(a) && a !== 0) {
            expect(immediate).not.toBe(NO_BLOCK);
            for (let b = 0; b < cfg.blockCount; b++) {
              if (b !== a && dominates(dominators, b, a)) {
                expect(dominates(dominators, b, immediate)).toBe(true);
              }
            }
          } else {
            expect(immediate).toBe(NO_BLOCK);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("keeps functions apart", () => {
    const insns = new ProgramBuilder()
      .callLocal("f")
      .exit()
      .label("f")
      .branch("jeq", r0, 1, "out")
      .mov64(r0, 1)
      .label("out")
      .exit()
      .insns();
    const cfg = buildCfg(insns);
    const dominators = dominatorsOf(cfg, orderOf(cfg));
    expect([...dominators.immediate]).toEqual([NO_BLOCK, NO_BLOCK, 1, 1]);
    expect(dominates(dominators, 0, 1)).toBe(false);
    expect(dominates(dominators, 1, 3)).toBe(true);
  });

  it("does not hang on 100,000 blocks tied together", () => {
    const cfg = buildCfg(ladder(50_000));
    expect(cfg.blockCount).toBeGreaterThan(100_000);
    const start = performance.now();
    const dominators = dominatorsOf(cfg, orderOf(cfg));
    expect(performance.now() - start).toBeLessThan(5000);
    // The last but one block of the second chain, which both chains lead to.
    expect(dominators.immediate[2 * 50_000]).toBe(0);
  });
});

describe("orderOf", () => {
  it("puts each block behind its predecessors, except along retreating edges of the walk", () => {
    fc.assert(
      fc.property(endings, (list) => {
        const cfg = buildCfg(programOf(list));
        const order = orderOf(cfg);
        const { preorder, preorderIndex, parent, reversePostorder, reversePostorderIndex } = order;
        expect(new Set(preorder)).toEqual(new Set(reversePostorder));
        const isAncestor = (above: number, block: number): boolean => {
          for (let at = block; at !== NO_BLOCK; at = parent[at]!) if (at === above) return true;
          return false;
        };
        for (const block of preorder) {
          if (parent[block] !== NO_BLOCK) {
            expect(preorderIndex[parent[block]!]!).toBeLessThan(preorderIndex[block]!);
          }
          for (const next of successorsOf(cfg, block)) {
            const forward = reversePostorderIndex[block]! < reversePostorderIndex[next]!;
            expect(forward).toBe(!isAncestor(next, block));
          }
        }
      }),
    );
  });
});
