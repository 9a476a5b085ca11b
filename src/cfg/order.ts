import { type Cfg, EdgeKind, NO_BLOCK } from "./graph.ts";

/** A depth-first walk of every function from its entry. Blocks that no path reaches are in none of the lists. */
export interface Order {
  /** Blocks in the order in which the walk meets them; function after function. */
  readonly preorder: Uint32Array;
  /** Position of each block in `preorder`, or {@link NO_BLOCK}. */
  readonly preorderIndex: Uint32Array;
  /** The block from which the walk came to each block; {@link NO_BLOCK} for entries and unreached blocks. */
  readonly parent: Uint32Array;
  /** Blocks so that, apart from loops, each stands behind all its predecessors; function after function. */
  readonly reversePostorder: Uint32Array;
  /** Position of each block in `reversePostorder`, or {@link NO_BLOCK}. */
  readonly reversePostorderIndex: Uint32Array;
}

/** Whether a path leads from the entry of its function to a block. */
export function isReachable(order: Order, block: number): boolean {
  return order.preorderIndex[block] !== NO_BLOCK;
}

/** Walks the graph in time linear in its size, without recursion. */
export function orderOf(cfg: Cfg): Order {
  const { blockCount, successors, edgeTo, edgeKind } = cfg;
  const preorder = new Uint32Array(blockCount);
  const preorderIndex = new Uint32Array(blockCount).fill(NO_BLOCK);
  const parent = new Uint32Array(blockCount).fill(NO_BLOCK);
  const reversePostorder = new Uint32Array(blockCount);
  const reversePostorderIndex = new Uint32Array(blockCount).fill(NO_BLOCK);
  const stack = new Uint32Array(blockCount);
  // Edges still to follow, from the last: the fallthrough then comes first in reverse postorder.
  const pending = new Uint32Array(blockCount);
  let met = 0;
  let done = 0;
  for (const { entry } of cfg.functions) {
    const firstOfFunction = done;
    let depth = 0;
    let next = entry;
    for (;;) {
      if (next !== NO_BLOCK) {
        preorderIndex[next] = met;
        preorder[met++] = next;
        pending[next] = successors[next + 1]!;
        stack[depth++] = next;
      }
      if (depth === 0) break;
      const block = stack[depth - 1]!;
      next = NO_BLOCK;
      while (next === NO_BLOCK && pending[block]! > successors[block]!) {
        const edge = --pending[block]!;
        const to = edgeTo[edge]!;
        if (edgeKind[edge] !== EdgeKind.exit && preorderIndex[to] === NO_BLOCK) next = to;
      }
      if (next === NO_BLOCK) {
        reversePostorder[done++] = block;
        depth--;
      } else {
        parent[next] = block;
      }
    }
    reversePostorder.subarray(firstOfFunction, done).reverse();
  }
  for (let index = 0; index < done; index++) reversePostorderIndex[reversePostorder[index]!] = index;
  return {
    preorder: preorder.slice(0, met),
    preorderIndex,
    parent,
    reversePostorder: reversePostorder.slice(0, done),
    reversePostorderIndex,
  };
}
