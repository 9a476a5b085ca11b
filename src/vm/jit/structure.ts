import { type Cfg, dominatorsOf, loopsOf, NO_BLOCK, type Order, orderOf } from "../../cfg/index.ts";
import type { FunctionBuilder, Label, Local } from "../../wasm/index.ts";

/** How a block ends. A `branch` has two successors, the one where its condition does not hold first; a `goto` has one. */
export type Ending = "branch" | "goto" | "end";

/** What the blocks of a function are made of. */
export interface BlockEmitter {
  /** Emits all of a block but how it goes on. A block of ending `end` leaves the function by itself. */
  body(block: number): Ending;
  /** Pushes whether a `branch` is taken; `negated`: whether it is not. */
  condition(block: number, negated: boolean): void;
  /** Whether something is to be done on the way from one block to another. */
  moves(from: number, to: number): boolean;
  /** Does it. */
  move(from: number, to: number): void;
}

/**
 * Emits the blocks of a function as structured control flow: nested as the dominator tree is (Ramsey, "Beyond
 * Relooper", ICFP 2022), with an explicit stack of what is left to do, as graphs may be deeper than the stack of the
 * host. A graph with a cycle that has two entries becomes one loop over a `br_table`.
 */
export function emitStructured(f: FunctionBuilder, graph: Cfg, emitter: BlockEmitter): void {
  const order = orderOf(graph);
  const dominators = dominatorsOf(graph, order);
  const { loops, irreducible } = loopsOf(graph, order, dominators);
  if (irreducible.length > 0) {
    new Dispatcher(f, graph, emitter).emit(order);
    return;
  }
  const headers = new Uint8Array(graph.blockCount);
  for (const { header } of loops) headers[header] = 1;
  new Structurer(f, graph, emitter, { order, immediate: dominators.immediate, headers }).emit();
}

const Task = { TREE: 0, BRANCH: 1, ELSE: 2, END: 3 } as const;

interface Shape {
  readonly order: Order;
  readonly immediate: Uint32Array;
  readonly headers: Uint8Array;
}

class Structurer {
  readonly #f: FunctionBuilder;
  readonly #graph: Cfg;
  readonly #emitter: BlockEmitter;
  readonly #index: Uint32Array;
  readonly #headers: Uint8Array;
  /** Reached by several edges, loops apart: it stands behind a block that all of them leave. */
  readonly #merges: Uint8Array;
  /** Blocks of that kind by their immediate dominator, as lists in reverse postorder. */
  readonly #child: Uint32Array;
  readonly #sibling: Uint32Array;
  readonly #behind: (Label | undefined)[] = [];
  readonly #again: (Label | undefined)[] = [];
  /** Triples of a task and its two operands. */
  readonly #tasks: number[] = [];

  constructor(f: FunctionBuilder, graph: Cfg, emitter: BlockEmitter, { order, immediate, headers }: Shape) {
    this.#f = f;
    this.#graph = graph;
    this.#emitter = emitter;
    this.#index = order.reversePostorderIndex;
    this.#headers = headers;
    const { blockCount } = graph;
    this.#merges = new Uint8Array(blockCount);
    this.#child = new Uint32Array(blockCount).fill(NO_BLOCK);
    this.#sibling = new Uint32Array(blockCount).fill(NO_BLOCK);
    for (let at = order.reversePostorder.length - 1; at > 0; at--) {
      const block = order.reversePostorder[at]!;
      if (this.#forwardEdges(block) < 2) continue;
      this.#merges[block] = 1;
      const above = immediate[block]!;
      this.#sibling[block] = this.#child[above]!;
      this.#child[above] = block;
    }
  }

  emit(): void {
    const tasks = this.#tasks;
    this.#push(Task.TREE, 0, 0);
    while (tasks.length > 0) {
      const second = tasks.pop()!;
      const first = tasks.pop()!;
      switch (tasks.pop()!) {
        case Task.TREE:
          this.#tree(first);
          break;
        case Task.BRANCH:
          this.#branch(first, second);
          break;
        case Task.ELSE:
          this.#f.else();
          break;
        default:
          this.#f.end();
      }
    }
  }

  #forwardEdges(block: number): number {
    const { predecessors, incoming, edgeFrom } = this.#graph;
    let count = 0;
    for (let at = predecessors[block]!; at < predecessors[block + 1]!; at++) {
      const from = this.#index[edgeFrom[incoming[at]!]!]!;
      if (from !== NO_BLOCK && from < this.#index[block]!) count++;
    }
    return count;
  }

  #push(task: number, first: number, second: number): void {
    this.#tasks.push(task, first, second);
  }

  /** A block, all that it dominates, and a loop around both where it heads one. What comes last is pushed first. */
  #tree(block: number): void {
    if (this.#headers[block] === 1) {
      this.#again[block] = this.#f.openLoop();
      this.#push(Task.END, 0, 0);
    }
    const merges: number[] = [];
    for (let child = this.#child[block]!; child !== NO_BLOCK; child = this.#sibling[child]!)
      merges.push(child);
    for (const child of merges.toReversed()) {
      this.#behind[child] = this.#f.openBlock();
      this.#push(Task.TREE, child, 0);
      this.#push(Task.END, 0, 0);
    }
    this.#ending(block, this.#emitter.body(block));
  }

  #ending(block: number, ending: Ending): void {
    if (ending === "end") return;
    const edge = this.#graph.successors[block]!;
    const onward = this.#graph.edgeTo[edge]!;
    if (ending === "goto") {
      this.#branch(block, onward);
      return;
    }
    const taken = this.#graph.edgeTo[edge + 1]!;
    for (const [target, negated, other] of [
      [taken, false, onward],
      [onward, true, taken],
    ] as const) {
      const label = this.#labelOf(block, target);
      if (label === undefined || this.#emitter.moves(block, target)) continue;
      this.#emitter.condition(block, negated);
      this.#f.brIf(label);
      this.#branch(block, other);
      return;
    }
    this.#emitter.condition(block, false);
    this.#f.openIf();
    this.#push(Task.END, 0, 0);
    this.#push(Task.BRANCH, block, onward);
    this.#push(Task.ELSE, 0, 0);
    this.#push(Task.BRANCH, block, taken);
  }

  #branch(from: number, to: number): void {
    if (this.#emitter.moves(from, to)) this.#emitter.move(from, to);
    const label = this.#labelOf(from, to);
    if (label === undefined) this.#push(Task.TREE, to, 0);
    else this.#f.br(label);
  }

  /** Where a branch goes; none where the target stands here and nowhere else. */
  #labelOf(from: number, to: number): Label | undefined {
    if (this.#index[to]! <= this.#index[from]!) return this.#again[to];
    return this.#merges[to] === 1 ? this.#behind[to] : undefined;
  }
}

/** One loop over a table of all blocks: for graphs that have no structure. */
class Dispatcher {
  readonly #f: FunctionBuilder;
  readonly #graph: Cfg;
  readonly #emitter: BlockEmitter;
  readonly #next: Local;

  constructor(f: FunctionBuilder, graph: Cfg, emitter: BlockEmitter) {
    this.#f = f;
    this.#graph = graph;
    this.#emitter = emitter;
    this.#next = f.local("i32", "next");
  }

  emit(order: Order): void {
    const f = this.#f;
    const blocks = order.reversePostorder;
    f.loop((again) => {
      const targets = Array.from({ length: this.#graph.blockCount }, () => 0);
      for (const [arm, block] of blocks.entries()) targets[block] = arm;
      const arms = Array.from(blocks, (block) => () => this.#arm(block, again));
      f.switch(() => f.get(this.#next), targets, arms);
    });
  }

  #arm(block: number, again: Label): void {
    const f = this.#f;
    const ending = this.#emitter.body(block);
    if (ending === "end") return;
    const edge = this.#graph.successors[block]!;
    if (ending === "branch") {
      this.#emitter.condition(block, false);
      f.if(() => {
        this.#go(block, this.#graph.edgeTo[edge + 1]!);
        f.br(again);
      });
    }
    this.#go(block, this.#graph.edgeTo[edge]!);
    f.br(again);
  }

  #go(from: number, to: number): void {
    if (this.#emitter.moves(from, to)) this.#emitter.move(from, to);
    this.#f.i32.const(to).set(this.#next);
  }
}
