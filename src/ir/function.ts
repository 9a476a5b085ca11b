import { type Cfg, type Dominators, dominates, dominatorsOf, type Order, orderOf } from "../cfg/index.ts";
import type { ValueMaker } from "./fold.ts";
import { Block, type IrType, isPure, Op, Value, type ValueFields } from "./value.ts";

/** A function in SSA form. Block 0 is its entry. */
export class IrFunction {
  readonly name: string;
  readonly graph: Cfg;
  readonly order: Order;
  readonly dominators: Dominators;
  readonly blocks: readonly Block[];
  /** The frame's address is somewhere else than in accesses and arguments of calls: any pointer may lead to it. */
  frameEscapes = false;
  #values = 0;

  constructor(name: string, graph: Cfg) {
    this.name = name;
    this.graph = graph;
    this.order = orderOf(graph);
    this.dominators = dominatorsOf(graph, this.order);
    this.blocks = Array.from({ length: graph.blockCount }, (_, id) => new Block(id));
    for (let edge = 0; edge < graph.edgeTo.length; edge++) {
      const from = this.blocks[graph.edgeFrom[edge]!]!;
      const to = this.blocks[graph.edgeTo[edge]!]!;
      from.successors.push(to);
      to.predecessors.push(from);
    }
  }

  /** Blocks so that, loops apart, each stands behind all that lead to it. */
  *inOrder(): Iterable<Block> {
    for (const block of this.order.reversePostorder) yield this.blocks[block]!;
  }

  /** A block that several edges lead to. */
  merges(block: Block): boolean {
    return block.predecessors.length > 1;
  }

  dominates(a: Block, b: Block): boolean {
    return dominates(this.dominators, a.id, b.id);
  }

  value(op: Op, type: IrType, args: Value[], fields: ValueFields = {}): Value {
    return new Value(this.#values++, op, type, args, fields);
  }
}

/** Puts values at the end of a block; pure ones that a dominating block has already are taken from there. */
export class Appender implements ValueMaker {
  readonly func: IrFunction;
  readonly #known = new Map<number, Value[]>();
  #block!: Block;
  #values: Value[] = [];

  constructor(func: IrFunction) {
    this.func = func;
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
    return this.#pure(Op.const, "i32", [], { imm: value });
  }

  i64(low: number, high: number): Value {
    return this.#pure(Op.const, "i64", [], { imm: low, high });
  }

  make(op: Op, type: IrType, args: Value[], imm = 0): Value {
    return this.#pure(op, type, args, { imm });
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

  /** The value again, or one that is the same and was there before. */
  again(value: Value): Value {
    if (!isPure(value)) return this.append(value);
    return this.#find(hashOf(value.op, value.type, value.args, value), value) ?? this.#add(value);
  }

  #pure(op: Op, type: IrType, args: Value[], fields: ValueFields): Value {
    const hash = hashOf(op, type, args, fields);
    const probe = { op, type, args, imm: fields.imm ?? 0, high: fields.high ?? 0 };
    return this.#find(hash, probe) ?? this.#add(this.func.value(op, type, args, fields), hash);
  }

  #find(
    hash: number,
    { op, type, args, imm, high }: Pick<Value, "op" | "type" | "args" | "imm" | "high">,
  ): Value | undefined {
    for (const known of this.#known.get(hash) ?? []) {
      if (
        known.op === op &&
        known.type === type &&
        known.imm === imm &&
        known.high === high &&
        known.args.length === args.length &&
        known.args.every((arg, i) => arg === args[i]) &&
        this.func.dominates(known.block!, this.#block)
      )
        return known;
    }
    return undefined;
  }

  #add(value: Value, hash = hashOf(value.op, value.type, value.args, value)): Value {
    const list = this.#known.get(hash);
    if (list === undefined) this.#known.set(hash, [value]);
    // What does not dominate here will not dominate what follows soon: the list stays short.
    else if (list.length < 8) list.push(value);
    else list[value.id & 7] = value;
    return this.append(value);
  }
}

function hashOf(
  op: Op,
  type: IrType,
  args: readonly Value[],
  { imm = 0, high = 0 }: Pick<ValueFields, "imm" | "high">,
): number {
  let hash = op * 2 + (type === "i64" ? 1 : 0);
  hash = Math.imul(hash, 31) + imm;
  hash = Math.imul(hash, 31) + high;
  for (const { id } of args) hash = Math.imul(hash, 0x01000193) ^ id;
  return hash | 0;
}
