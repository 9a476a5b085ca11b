import { type Block, type IrFunction, isClobber, isPure, isRead, Op, type Value } from "../../ir/index.ts";

/** Deeper expressions are cut: emitting one recurses. */
const MAX_DEPTH = 48;

/** What is pushed wherever it is needed. */
export function isLeaf(op: Op): boolean {
  return op === Op.const || op === Op.param || op === Op.frame;
}

/** How often values are used, and which are computed where they are used. */
export class Uses {
  /** By number of the value. */
  readonly #counts: Uint32Array;
  /** The last one: a value, or, below 0, the block at whose end it is used: see {@link atEndOf}. */
  readonly #users: Int32Array;
  readonly #seen: Uint8Array;
  readonly #inlined: Uint8Array;
  /** In the block that is looked at; -1 for values of those that were not yet. */
  readonly #positions: Int32Array;
  readonly #func: IrFunction;

  /** Looks at a whole function. */
  constructor(func: IrFunction) {
    const count = func.valueCount;
    this.#func = func;
    this.#counts = new Uint32Array(count);
    this.#users = new Int32Array(count);
    this.#seen = new Uint8Array(count);
    this.#inlined = new Uint8Array(count);
    this.#positions = new Int32Array(count).fill(-1);
    this.#count();
    for (const block of func.inOrder()) this.#inlineIn(block);
  }

  /** Whether anything needs a value. */
  live(value: Value): boolean {
    return this.#seen[value] === 1;
  }

  /** Whether anything takes what it gives. */
  used(value: Value): boolean {
    return this.#counts[value]! > 0;
  }

  /** Computed at its only use, on Wasm's own stack. */
  inline(value: Value): boolean {
    return this.#inlined[value] === 1;
  }

  #count(): void {
    const func = this.#func;
    const seen = this.#seen;
    const work: Value[] = [];
    const use = (value: Value, user: number): void => {
      this.#users[value] = user;
      if (this.#counts[value]!++ === 0) work.push(value);
    };
    for (const block of func.inOrder()) {
      for (const value of block.values) {
        const op = func.op(value);
        if (!isPure(op) && !isRead(op)) work.push(value);
      }
      const { terminator } = block;
      if (terminator.kind === "branch") use(terminator.condition, atEndOf(block));
      else if (terminator.kind === "return") use(terminator.value, atEndOf(block));
    }
    for (let value = work.pop(); value !== undefined; value = work.pop()) {
      if (seen[value] === 1) continue;
      seen[value] = 1;
      if (func.op(value) === Op.phi) {
        // What a phi takes is used at the end of the block that it comes from.
        const { args } = func.phiOf(value);
        const { predecessors } = func.blockOf(value)!;
        for (let i = 0; i < args.length; i++) use(args[i]!, atEndOf(predecessors[i]!));
      } else {
        const count = func.argCount(value);
        for (let i = 0; i < count; i++) use(func.arg(value, i), value);
      }
    }
  }

  /** From the last value to the first: where a value's user is computed is known by then. */
  #inlineIn(block: Block): void {
    const func = this.#func;
    const { values } = block;
    const positions = this.#positions;
    /** Clobbers in front of each value. */
    const epochs = new Uint32Array(values.length + 1);
    for (let i = 0; i < values.length; i++) {
      positions[values[i]!] = i;
      epochs[i + 1] = epochs[i]! + (isClobber(func.op(values[i]!)) ? 1 : 0);
    }
    /** Where each value is computed, and how deep below what is emitted there. */
    const roots = new Int32Array(values.length);
    const depths = new Uint8Array(values.length);
    for (let i = values.length - 1; i >= 0; i--) {
      const value = values[i]!;
      const op = func.op(value);
      roots[i] = i;
      if (this.#seen[value] === 0 || this.#counts[value] !== 1 || isLeaf(op)) continue;
      const pure = isPure(op);
      if (!pure && !isRead(op)) continue;
      const user = this.#users[value]!;
      let root = values.length;
      let depth = 1;
      if (user !== atEndOf(block)) {
        if (user < 0 || func.blockOf(user as Value) !== block) continue;
        const at = positions[user]!;
        root = roots[at]!;
        depth = depths[at]! + 1;
      }
      if (depth > MAX_DEPTH) continue;
      if (!pure && epochs[root] !== epochs[i]) continue;
      roots[i] = root;
      depths[i] = depth;
      this.#inlined[value] = 1;
    }
  }
}

/** The end of a block as the user of a value. */
function atEndOf({ id }: Block): number {
  return -1 - id;
}
