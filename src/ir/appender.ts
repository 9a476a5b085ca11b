import type { IrFunction } from "./function.ts";
import { type Block, type IrType, NONE, type Op, type Value } from "./value.ts";
import { ValueMaker } from "./value-maker.ts";
import type { ValueFields } from "./value-table.ts";

/** Values of one hash that are looked at. */
const MAX_CHAIN = 8;

/** Puts values at the end of a block; pure ones that a dominating block has already are taken from there. */
export class Appender extends ValueMaker {
  readonly func: IrFunction;
  /** The value that is made again: where what is asked for is the same, it is used and no new one made. */
  reuse: Value = NONE;
  /** Values by hash, the last one first: a power of two of chains. */
  readonly #known: Int32Array;
  #block!: Block;
  #values: Value[] = [];

  /** @param values how many are about to be made; more are found more slowly. */
  constructor(func: IrFunction, values = 16) {
    super();
    this.func = func;
    this.#known = new Int32Array(2 ** Math.min(20, 32 - Math.clz32(values))).fill(NONE);
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

  /** Something that is done in its place. */
  effect(op: Op, type: IrType, args: readonly Value[], fields?: ValueFields): Value {
    return this.append(this.func.value(op, type, args, fields));
  }

  override append(value: Value): Value {
    this.func.setBlock(value, this.#block);
    this.#values.push(value);
    return value;
  }

  protected override pure(
    op: Op,
    type: IrType,
    imm: number,
    high: number,
    a: Value,
    b: Value,
    c: Value,
  ): Value {
    let hash = op * 2 + (type === "i64" ? 1 : 0);
    hash = Math.imul(hash, 31) + imm;
    hash = Math.imul(hash, 31) + high;
    if (a !== NONE) hash = Math.imul(hash, 0x01000193) ^ a;
    if (b !== NONE) hash = Math.imul(hash, 0x01000193) ^ b;
    if (c !== NONE) hash = Math.imul(hash, 0x01000193) ^ c;
    const { func } = this;
    const known = this.#known;
    const at = (hash ^ (hash >>> 15)) & (known.length - 1);
    const first = known[at] as Value;
    let depth = 0;
    // What does not dominate here will not dominate what follows soon: only the latest are looked at.
    for (let value = first; value !== NONE && depth < MAX_CHAIN; value = func.chain(value), depth++)
      if (
        func.isSame(value, op, type, imm, high, a, b, c) &&
        func.dominates(func.blockOf(value)!, this.#block)
      )
        return value;
    const { reuse } = this;
    const again = reuse !== NONE && func.isSame(reuse, op, type, imm, high, a, b, c);
    const value = again ? reuse : func.plain(op, type, imm, high, a, b, c);
    if (again) this.reuse = NONE;
    func.setChain(value, first);
    known[at] = value;
    return this.append(value);
  }
}
