import { type Block, type IrFunction, isPure, isRead, Op, type Value } from "../../ir/index.ts";

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

/** Something that may change what a load gives. */
function clobbers({ op }: Value): boolean {
  return op >= Op.store && op !== Op.probe && op !== Op.mayGoto && op !== Op.cpu;
}

/** Looks at a whole function. */
export function usesOf(func: IrFunction): Uses {
  const counts = new Map<Value, number>();
  const users = new Map<Value, Value | Block>();
  const work: Value[] = [];
  const use = (value: Value, user: Value | Block): void => {
    const count = counts.get(value) ?? 0;
    counts.set(value, count + 1);
    users.set(value, user);
    if (count === 0) work.push(value);
  };
  for (const block of func.inOrder()) {
    for (const value of block.values) if (!isPure(value) && !isRead(value)) work.push(value);
    const { terminator } = block;
    if (terminator.kind === "branch") use(terminator.condition, block);
    else if (terminator.kind === "return") use(terminator.value, block);
  }
  const seen = new Set<Value>();
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.op === Op.phi) {
      // Used at the end of the block that it comes from.
      for (const [i, arg] of value.args.entries()) use(arg, value.block!.predecessors[i]!);
    } else {
      for (const arg of value.args) use(arg, value);
    }
  }
  const inlined = new Set<Value>();
  for (const block of func.inOrder()) inlineIn(block, { counts, users, seen, inlined });
  return {
    live: (value) => seen.has(value),
    used: (value) => counts.has(value),
    inline: (value) => inlined.has(value),
  };
}

interface Inlining {
  readonly counts: ReadonlyMap<Value, number>;
  readonly users: ReadonlyMap<Value, Value | Block>;
  readonly seen: ReadonlySet<Value>;
  readonly inlined: Set<Value>;
}

/** From the last value to the first: where a value's user is computed is known by then. */
function inlineIn(block: Block, { counts, users, seen, inlined }: Inlining): void {
  const { values } = block;
  const position = new Map<Value, number>();
  /** Clobbers in front of each value. */
  const epochs = new Uint32Array(values.length + 1);
  for (let i = 0; i < values.length; i++) {
    position.set(values[i]!, i);
    epochs[i + 1] = epochs[i]! + (clobbers(values[i]!) ? 1 : 0);
  }
  /** Where each value is computed, and how deep below what is emitted there. */
  const roots = new Int32Array(values.length);
  const depths = new Uint8Array(values.length);
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!;
    roots[i] = i;
    if (!seen.has(value) || counts.get(value) !== 1 || isLeaf(value)) continue;
    const pure = isPure(value);
    if (!pure && !isRead(value)) continue;
    const user = users.get(value)!;
    let root = values.length;
    let depth = 1;
    if (user !== block) {
      const at = position.get(user as Value);
      if (at === undefined || (user as Value).op === Op.phi) continue;
      root = roots[at]!;
      depth = depths[at]! + 1;
    }
    if (depth > MAX_DEPTH) continue;
    if (!pure && epochs[root] !== epochs[i]) continue;
    roots[i] = root;
    depths[i] = depth;
    inlined.add(value);
  }
}
