import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildCfg,
  dominates,
  dominatorsOf,
  EdgeKind,
  loopsOf,
  orderOf,
  predecessorsOf,
} from "../../src/cfg/index.ts";
import type { Insn } from "../../src/isa/index.ts";
import { endings, nest, programOf } from "./programs.ts";

function analyse(insns: Insn[]) {
  const cfg = buildCfg(insns);
  const order = orderOf(cfg);
  const dominators = dominatorsOf(cfg, order);
  return { cfg, order, dominators, ...loopsOf(cfg, order, dominators) };
}

describe("loopsOf", () => {
  it("finds the natural loops of the definition on random graphs", () => {
    fc.assert(
      fc.property(endings, (list) => {
        const { cfg, dominators, loops, loopOf } = analyse(programOf(list));
        const bodies = new Map<number, Set<number>>();
        for (let edge = 0; edge < cfg.edgeTo.length; edge++) {
          const [from, header] = [cfg.edgeFrom[edge]!, cfg.edgeTo[edge]!];
          if (cfg.edgeKind[edge] === EdgeKind.exit || !dominates(dominators, header, from)) continue;
          const body = bodies.get(header) ?? new Set([header]);
          bodies.set(header, body);
          const work = [from];
          for (let block = work.pop(); block !== undefined; block = work.pop()) {
            if (body.has(block)) continue;
            body.add(block);
            work.push(
              ...predecessorsOf(cfg, block).filter((before) => dominates(dominators, header, before)),
            );
          }
        }
        expect(new Set(loops.map(({ header }) => header))).toEqual(new Set(bodies.keys()));
        for (let block = 0; block < cfg.blockCount; block++) {
          const around = new Set<number>();
          for (let loop = loopOf[block]!; loop >= 0; loop = loops[loop]!.parent) {
            around.add(loops[loop]!.header);
          }
          const expected = [...bodies].filter(([, body]) => body.has(block)).map(([header]) => header);
          expect(around).toEqual(new Set(expected));
          if (loopOf[block]! >= 0) expect(loops[loopOf[block]!]!.depth).toBe(expected.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("says where a graph is irreducible: as what is left when loops and simple blocks are folded away", () => {
    fc.assert(
      fc.property(endings, (list) => {
        const { cfg, order, irreducible } = analyse(programOf(list));
        // T1-T2: drop edges to oneself, merge blocks with one predecessor into it.
        const successors = new Map<number, Set<number>>();
        for (const block of order.preorder) successors.set(block, new Set());
        for (let edge = 0; edge < cfg.edgeTo.length; edge++) {
          if (cfg.edgeKind[edge] !== EdgeKind.exit)
            successors.get(cfg.edgeFrom[edge]!)?.add(cfg.edgeTo[edge]!);
        }
        for (let changed = true; changed; ) {
          changed = false;
          for (const [block, next] of successors) next.delete(block);
          for (const block of successors.keys()) {
            const before = [...successors].filter(([, next]) => next.has(block)).map(([from]) => from);
            if (block === 0 || before.length !== 1) continue;
            const into = successors.get(before[0]!)!;
            into.delete(block);
            for (const next of successors.get(block)!) into.add(next);
            successors.delete(block);
            changed = true;
            break;
          }
        }
        expect(irreducible.length === 0).toBe(successors.size === 1);
      }),
      { numRuns: 300 },
    );
  });

  it("nests 20,000 loops, and does not hang", () => {
    const insns = nest(20_000);
    const cfg = buildCfg(insns);
    const order = orderOf(cfg);
    const dominators = dominatorsOf(cfg, order);
    const start = performance.now();
    const { loops } = loopsOf(cfg, order, dominators);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(loops.length).toBe(20_000);
    expect(loops.at(-1)!.depth).toBe(20_000);
  });
});
