import { type Dominators, dominates } from "./dominators.ts";
import { type Cfg, EdgeKind, NO_BLOCK } from "./graph.ts";
import type { Order } from "./order.ts";

/** A natural loop: what can reach a jump back to `header` without passing it. Jumps back to one header are one loop. */
export interface Loop {
  /** The only block through which the loop is entered. */
  readonly header: number;
  /** The loop directly around it, by number, or -1. */
  readonly parent: number;
  /** 1 for a loop in no other. */
  readonly depth: number;
}

export interface Loops {
  /** Outer loops before the loops in them. */
  readonly loops: readonly Loop[];
  /** The innermost loop of each block, by number, or -1. */
  readonly loopOf: Int32Array;
  /** Edges that lead back to a block which does not dominate their source: cycles with several entries. */
  readonly irreducible: Uint32Array;
}

const NONE = -1;

/** Finds all loops in nearly linear time: inner loops first, each then counting as its header alone. */
export function loopsOf(cfg: Cfg, order: Order, dominators: Dominators): Loops {
  const { blockCount, edgeFrom, predecessors, incoming } = cfg;
  const { reversePostorder } = order;
  // The header of the loop around each block or, for a header, around its loop.
  const outer = new Uint32Array(blockCount).fill(NO_BLOCK);
  const isHeader = new Uint8Array(blockCount);
  const inside = Uint32Array.from({ length: blockCount }, (_, block) => block);
  const work: number[] = [];

  for (let index = reversePostorder.length - 1; index >= 0; index--) {
    const header = reversePostorder[index]!;
    const gather = (block: number, back: boolean): void => {
      for (let at = predecessors[block]!; at < predecessors[block + 1]!; at++) {
        const from = edgeFrom[incoming[at]!]!;
        if (dominators.size[from] === 0) continue;
        if (back && !dominates(dominators, header, from)) continue;
        if (back) isHeader[header] = 1;
        const whole = find(inside, from);
        if (whole !== header) work.push(whole);
      }
    };
    gather(header, true);
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      if (inside[block] !== block) continue;
      outer[block] = header;
      inside[block] = header;
      gather(block, false);
    }
  }
  return {
    ...number(reversePostorder, outer, isHeader),
    irreducible: irreducibleEdges(cfg, order, dominators),
  };
}

/** The outermost loop found so far that holds a block, by its header; with path halving. */
function find(inside: Uint32Array, block: number): number {
  while (inside[block] !== block) {
    inside[block] = inside[inside[block]!]!;
    block = inside[block]!;
  }
  return block;
}

function number(
  reversePostorder: Uint32Array,
  outer: Uint32Array,
  isHeader: Uint8Array,
): Pick<Loops, "loops" | "loopOf"> {
  const loops: Loop[] = [];
  const loopOf = new Int32Array(outer.length).fill(NONE);
  // A header dominates its loop, so it comes before all of it.
  for (const block of reversePostorder) {
    const around = outer[block] === NO_BLOCK ? NONE : loopOf[outer[block]!]!;
    if (isHeader[block] === 0) {
      loopOf[block] = around;
    } else {
      loopOf[block] = loops.length;
      loops.push({ header: block, parent: around, depth: around === NONE ? 1 : loops[around]!.depth + 1 });
    }
  }
  return { loops, loopOf };
}

function irreducibleEdges(cfg: Cfg, order: Order, dominators: Dominators): Uint32Array {
  const edges: number[] = [];
  for (let edge = 0; edge < cfg.edgeTo.length; edge++) {
    const from = cfg.edgeFrom[edge]!;
    const to = cfg.edgeTo[edge]!;
    if (cfg.edgeKind[edge] === EdgeKind.exit || dominators.size[from] === 0) continue;
    const retreats = order.reversePostorderIndex[to]! <= order.reversePostorderIndex[from]!;
    if (retreats && !dominates(dominators, to, from)) edges.push(edge);
  }
  return Uint32Array.from(edges);
}
