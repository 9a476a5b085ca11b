import {
  type Cfg,
  type Dominators,
  dominates,
  dominatorsOf,
  graphOf,
  type Order,
  orderOf,
} from "../cfg/index.ts";
import type { ValueMaker } from "./constants.ts";
import { Block, type IrType, Op, Value, type ValueFields } from "./value.ts";

/** A function in SSA form. Block 0 is its entry. */
export class IrFunction {
  readonly name: string;
  #graph: Cfg;
  #order: Order;
  #dominators: Dominators;
  #blocks: readonly Block[];
  /** The frame's address is somewhere else than in accesses and arguments of calls: any pointer may lead to it. */
  frameEscapes = false;
  /** The slot that values which are made now are for: listings show them under its source line. */
  slot = 0;
  #values = 0;

  constructor(name: string, graph: Cfg) {
    this.name = name;
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
  }

  get graph(): Cfg {
    return this.#graph;
  }

  get order(): Order {
    return this.#order;
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
  }

  /** Blocks so that, loops apart, each stands behind all that lead to it. */
  *inOrder(): Iterable<Block> {
    for (const block of this.#order.reversePostorder) yield this.#blocks[block]!;
  }

  dominates(a: Block, b: Block): boolean {
    return dominates(this.#dominators, a.id, b.id);
  }

  /** One more than the largest number of a value. */
  get valueCount(): number {
    return this.#values;
  }

  value(op: Op, type: IrType, args: Value[], { imm, high, size, signed, row }: ValueFields = NOTHING): Value {
    const value = this.pureValue(op, type, args, imm ?? 0, high ?? 0);
    if (size !== undefined) value.size = size;
    if (signed !== undefined) value.signed = signed;
    if (row !== undefined) value.row = row;
    return value;
  }

  /** One that has no more than this. */
  pureValue(op: Op, type: IrType, args: Value[], imm: number, high: number): Value {
    return new Value(this.#values++, op, type, args, imm, high, this.slot);
  }
}

/** Puts values at the end of a block; pure ones that a dominating block has already are taken from there. */
export class Appender implements ValueMaker {
  readonly func: IrFunction;
  /**
   * The value that is made again: where what is asked for is the same, it is used and no new one made.
   * Null: none.
   */
  reuse: Value | null = null;
  /** Values by hash, the last one first: a power of two of chains. */
  readonly #known: (Value | undefined)[];
  #block!: Block;
  #values: Value[] = [];

  /** @param values how many are about to be made; more are found more slowly. */
  constructor(func: IrFunction, values = 16) {
    this.func = func;
    this.#known = new Array<Value | undefined>(2 ** Math.min(20, 32 - Math.clz32(values))).fill(undefined);
  }

  get block(): Block {
    return this.#block;
  }

  /** What was appended since `begin`. */
  get values(): Value[] {
    return this.#values;
  }

  begin(block: Block): void {
    this.#block = block;
    this.#values = [];
  }

  i32(value: number): Value {
    return this.#pure(Op.const, "i32", NO_ARGS, value, 0);
  }

  i64(low: number, high: number): Value {
    return this.#pure(Op.const, "i64", NO_ARGS, low, high);
  }

  make(op: Op, type: IrType, args: Value[], imm = 0): Value {
    return this.#pure(op, type, args, imm, 0);
  }

  /** Something that is done in its place. */
  effect(op: Op, type: IrType, args: Value[], fields: ValueFields = {}): Value {
    return this.append(this.func.value(op, type, args, fields));
  }

  append(value: Value): Value {
    value.block = this.#block;
    this.#values.push(value);
    return value;
  }

  #pure(op: Op, type: IrType, args: Value[], imm: number, high: number): Value {
    let hash = op * 2 + (type === "i64" ? 1 : 0);
    hash = Math.imul(hash, 31) + imm;
    hash = Math.imul(hash, 31) + high;
    for (let i = 0; i < args.length; i++) hash = Math.imul(hash, 0x01000193) ^ args[i]!.id;
    const chains = this.#known;
    const chain = (hash ^ (hash >>> 15)) & (chains.length - 1);
    const first = chains[chain];
    let depth = 0;
    // What does not dominate here will not dominate what follows soon: only the latest are looked at.
    for (let known = first; known !== undefined && depth < MAX_CHAIN; known = known.chain, depth++)
      if (isSame(known, op, type, args, imm, high) && this.func.dominates(known.block!, this.#block))
        return known;
    const { reuse } = this;
    const again = reuse !== null && isSame(reuse, op, type, args, imm, high);
    const value = again ? reuse : this.func.pureValue(op, type, args, imm, high);
    if (again) this.reuse = null;
    value.chain = first;
    chains[chain] = value;
    return this.append(value);
  }
}

const NO_ARGS: Value[] = [];
const NOTHING: ValueFields = {};
const MAX_CHAIN = 8;

function isSame(
  value: Value,
  op: Op,
  type: IrType,
  args: readonly Value[],
  imm: number,
  high: number,
): boolean {
  if (value.op !== op || value.type !== type || value.imm !== imm || value.high !== high) return false;
  if (value.args.length !== args.length) return false;
  for (let i = 0; i < args.length; i++) if (value.args[i] !== args[i]) return false;
  return true;
}
