import { type Cfg, NO_BLOCK } from "./graph.ts";
import type { Order } from "./order.ts";

/** The dominator trees of all functions. */
export interface Dominators {
  /** The closest block that every path to a block passes; {@link NO_BLOCK} for entries and unreachable blocks. */
  readonly immediate: Uint32Array;
  /** Number of each block in a walk of the trees, so that a subtree is a range. */
  readonly enter: Uint32Array;
  /** Blocks in the subtree of each block, itself included; 0 for unreachable blocks. */
  readonly size: Uint32Array;
}

/** Whether every path from the entry to `block` passes `dominator`; a reachable block dominates itself. */
export function dominates(dominators: Dominators, dominator: number, block: number): boolean {
  const distance = dominators.enter[block]! - dominators.enter[dominator]!;
  return dominators.size[block]! > 0 && distance >= 0 && distance < dominators.size[dominator]!;
}

const NONE = -1;

/**
 * Lengauer and Tarjan's algorithm with path compression (TOPLAS 1979): O(edges · log blocks) on every graph. The
 * iterative data-flow formulation of Cooper, Harvey and Kennedy is shorter, but quadratic where two long chains are
 * tied together by many edges.
 *
 * Inside, blocks go by their preorder numbers: an ancestor in the walk's tree has the smaller number.
 */
export function dominatorsOf(cfg: Cfg, order: Order): Dominators {
  const { preorder, preorderIndex, parent } = order;
  const count = preorder.length;
  const dominator = new Int32Array(count).fill(NONE);
  const semi = Int32Array.from({ length: count }, (_, index) => index);
  const forest = new Forest(semi);
  // Blocks by their semidominator, as linked lists.
  const bucket = new Int32Array(count).fill(NONE);
  const bucketNext = new Int32Array(count).fill(NONE);

  for (let node = count - 1; node >= 0; node--) {
    const block = preorder[node]!;
    if (parent[block] === NO_BLOCK) continue;
    const above = preorderIndex[parent[block]!]!;
    for (let at = cfg.predecessors[block]!; at < cfg.predecessors[block + 1]!; at++) {
      const from = preorderIndex[cfg.edgeFrom[cfg.incoming[at]!]!]!;
      if (from === NO_BLOCK) continue;
      const candidate = semi[forest.lowest(from)]!;
      if (candidate < semi[node]!) semi[node] = candidate;
    }
    bucketNext[node] = bucket[semi[node]!]!;
    bucket[semi[node]!] = node;
    forest.link(node, above);
    for (let waiting = bucket[above]!; waiting !== NONE; waiting = bucketNext[waiting]!) {
      const lowest = forest.lowest(waiting);
      dominator[waiting] = semi[lowest]! < semi[waiting]! ? lowest : above;
    }
    bucket[above] = NONE;
  }
  for (let node = 0; node < count; node++) {
    if (dominator[node] !== NONE && dominator[node] !== semi[node]) {
      dominator[node] = dominator[dominator[node]!]!;
    }
  }
  return treeOf(cfg.blockCount, preorder, dominator);
}

/** Lengauer and Tarjan's forest: links, and the node of smallest semidominator on the path to a root. */
class Forest {
  readonly #semi: Int32Array;
  readonly #ancestor: Int32Array;
  readonly #label: Int32Array;
  readonly #path: Int32Array;

  constructor(semi: Int32Array) {
    this.#semi = semi;
    this.#ancestor = new Int32Array(semi.length).fill(NONE);
    this.#label = semi.slice();
    this.#path = new Int32Array(semi.length);
  }

  link(node: number, above: number): void {
    this.#ancestor[node] = above;
  }

  lowest(node: number): number {
    const ancestor = this.#ancestor;
    const label = this.#label;
    if (ancestor[node] === NONE) return label[node]!;
    let depth = 0;
    for (let at = node; ancestor[ancestor[at]!] !== NONE; at = ancestor[at]!) this.#path[depth++] = at;
    while (depth > 0) {
      const at = this.#path[--depth]!;
      const above = ancestor[at]!;
      if (this.#semi[label[above]!]! < this.#semi[label[at]!]!) label[at] = label[above]!;
      ancestor[at] = ancestor[above]!;
    }
    return label[node]!;
  }
}

function treeOf(blockCount: number, preorder: Uint32Array, dominator: Int32Array): Dominators {
  const immediate = new Uint32Array(blockCount).fill(NO_BLOCK);
  const enter = new Uint32Array(blockCount).fill(NO_BLOCK);
  const size = new Uint32Array(blockCount);
  for (let node = preorder.length - 1; node >= 0; node--) {
    const block = preorder[node]!;
    size[block]! += 1;
    if (dominator[node] === NONE) continue;
    const above = preorder[dominator[node]!]!;
    immediate[block] = above;
    size[above]! += size[block]!;
  }
  // A dominator precedes what it dominates in preorder, so its own number is known when it hands out theirs.
  const next = new Uint32Array(blockCount);
  let roots = 0;
  for (const block of preorder) {
    const above = immediate[block]!;
    if (above === NO_BLOCK) {
      enter[block] = roots;
      roots += size[block]!;
    } else {
      enter[block] = next[above]!;
      next[above]! += size[block]!;
    }
    next[block] = enter[block]! + 1;
  }
  return { immediate, enter, size };
}
