import {
  type Cfg,
  type Dominators,
  dominates,
  dominatorsOf,
  graphOf,
  NO_BLOCK,
  type Order,
  orderOf,
} from "../cfg/index.ts";
import { Block } from "./value.ts";
import { ValueTable } from "./value-table.ts";

/** A function in SSA form: a table of values, and blocks that say which are computed where. Block 0 is its entry. */
export class IrFunction extends ValueTable {
  readonly name: string;
  #graph: Cfg;
  #order: Order;
  #dominators: Dominators;
  #blocks: readonly Block[];
  #inOrder: readonly Block[];
  /** Whether another function sees what this one has left in its frame, or the other way round. */
  readonly sharesFrame: boolean;
  /** The frame's address is somewhere else than in accesses and arguments of calls: any pointer may lead to it. */
  frameEscapes = false;

  /** @param values how many there will be, more or less. */
  constructor(name: string, graph: Cfg, { values, sharesFrame }: { values: number; sharesFrame: boolean }) {
    super(values);
    this.name = name;
    this.sharesFrame = sharesFrame;
    this.#graph = graph;
    this.#order = orderOf(graph);
    this.#dominators = dominatorsOf(graph, this.#order);
    this.#blocks = Array.from({ length: graph.blockCount }, (_, id) => new Block(id));
    for (let edge = 0; edge < graph.edgeTo.length; edge++) {
      const from = this.#blocks[graph.edgeFrom[edge]!]!;
      const to = this.#blocks[graph.edgeTo[edge]!]!;
      from.successors.push(to);
      to.predecessors.push(from);
    }
    this.#inOrder = ordered(this.#blocks, this.#order);
  }

  get graph(): Cfg {
    return this.#graph;
  }

  get dominators(): Dominators {
    return this.#dominators;
  }

  /** By number. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  /**
   * Numbers the blocks anew after some have come, gone or changed their successors: those that the entry reaches are
   * left. Who changed them has kept predecessors, and what phis take from them, in step with successors.
   */
  rebuild(): void {
    const entry = this.#blocks[0]!;
    const reached = new Set<Block>([entry]);
    // What is added while it is gone through is gone through, too.
    for (const block of reached) for (const next of block.successors) reached.add(next);
    const blocks = [...reached];
    for (const [id, block] of blocks.entries()) {
      block.id = id;
      if (block.predecessors.every((from) => reached.has(from))) continue;
      const kept = block.predecessors.map((from) => reached.has(from));
      block.predecessors = block.predecessors.filter((_, i) => kept[i]);
      for (const phi of block.phis) phi.args = phi.args.filter((_, i) => kept[i]);
    }
    this.#blocks = blocks;
    this.#graph = graphOf(blocks.map(({ successors }) => successors.map(({ id }) => id)));
    this.#order = orderOf(this.#graph);
    this.#dominators = dominatorsOf(this.#graph, this.#order);
    this.#inOrder = ordered(blocks, this.#order);
  }

  /** Blocks so that, loops apart, each stands behind all that lead to it; those that nothing reaches are left out. */
  inOrder(): readonly Block[] {
    return this.#inOrder;
  }

  isReached({ id }: Block): boolean {
    return this.#order.reversePostorderIndex[id] !== NO_BLOCK;
  }

  dominates(a: Block, b: Block): boolean {
    return dominates(this.#dominators, a.id, b.id);
  }
}

function ordered(blocks: readonly Block[], { reversePostorder }: Order): readonly Block[] {
  return Array.from(reversePostorder, (block) => blocks[block]!);
}
