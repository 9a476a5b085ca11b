import { Block, type IrFunction, isClobber, isPure, isRead, Op, type Value } from "../../ir/index.ts";

/** Deeper expressions are cut: emitting one recurses. */
const MAX_DEPTH = 48;

/** How often values are used, and which are computed where they are used. */
export interface Uses {
  /** Whether anything needs a value. */
  readonly live: (value: Value) => boolean;
  /** Whether anything takes what it gives. */
  readonly used: (value: Value) => boolean;
  /** Computed at its only use, on Wasm's own stack. */
  readonly inline: (value: Value) => boolean;
}

/** What is pushed wherever it is needed. */
export function isLeaf({ op }: Value): boolean {
  return op === Op.const || op === Op.param || op === Op.frame;
}

/** Looks at a whole function. */
export function usesOf(func: IrFunction): Uses {
  const count = func.valueCount;
  const uses: UseTable = {
    counts: new Uint32Array(count),
    users: new Array<Value | Block | undefined>(count),
    seen: new Uint8Array(count),
    inlined: new Uint8Array(count),
    positions: new Int32Array(count).fill(-1),
  };
  const { counts, users, seen, inlined } = uses;
  const work: Value[] = [];
  const use = (value: Value, user: Value | Block): void => {
    users[value.id] = user;
    if (counts[value.id]!++ === 0) work.push(value);
  };
  for (const block of func.inOrder()) {
    for (const value of block.values) if (!isPure(value) && !isRead(value)) work.push(value);
    const { terminator } = block;
    if (terminator.kind === "branch") use(terminator.condition, block);
    else if (terminator.kind === "return") use(terminator.value, block);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    if (seen[value.id] === 1) continue;
    seen[value.id] = 1;
    const { args } = value;
    // What a phi takes is used at the end of the block that it comes from.
    if (value.op === Op.phi)
      for (let i = 0; i < args.length; i++) use(args[i]!, value.block!.predecessors[i]!);
    else for (let i = 0; i < args.length; i++) use(args[i]!, value);
  }
  for (const block of func.inOrder()) inlineIn(block, uses);
  return {
    live: ({ id }) => seen[id] === 1,
    used: ({ id }) => counts[id]! > 0,
    inline: ({ id }) => inlined[id] === 1,
  };
}

/** By number of the value. */
interface UseTable {
  readonly counts: Uint32Array;
  /** The last one: a value, or the block at whose end it is used. */
  readonly users: (Value | Block | undefined)[];
  readonly seen: Uint8Array;
  readonly inlined: Uint8Array;
  /** In the block that is looked at; -1 for values of those that were not yet. */
  readonly positions: Int32Array;
}

/** From the last value to the first: where a value's user is computed is known by then. */
function inlineIn(block: Block, { counts, users, seen, inlined, positions }: UseTable): void {
  const { values } = block;
  /** Clobbers in front of each value. */
  const epochs = new Uint32Array(values.length + 1);
  for (let i = 0; i < values.length; i++) {
    positions[values[i]!.id] = i;
    epochs[i + 1] = epochs[i]! + (isClobber(values[i]!) ? 1 : 0);
  }
  /** Where each value is computed, and how deep below what is emitted there. */
  const roots = new Int32Array(values.length);
  const depths = new Uint8Array(values.length);
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!;
    roots[i] = i;
    if (seen[value.id] === 0 || counts[value.id] !== 1 || isLeaf(value)) continue;
    const pure = isPure(value);
    if (!pure && !isRead(value)) continue;
    const user = users[value.id]!;
    let root = values.length;
    let depth = 1;
    if (user !== block) {
      if (user instanceof Block || user.block !== block || user.op === Op.phi) continue;
      const at = positions[user.id]!;
      root = roots[at]!;
      depth = depths[at]! + 1;
    }
    if (depth > MAX_DEPTH) continue;
    if (!pure && epochs[root] !== epochs[i]) continue;
    roots[i] = root;
    depths[i] = depth;
    inlined[value.id] = 1;
  }
}
