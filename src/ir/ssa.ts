import { NO_BLOCK } from "../cfg/index.ts";
import type { IrFunction } from "./function.ts";
import { type Block, type IrType, NONE, type Phi, type Value } from "./value.ts";

/** Variables that are turned into values: registers, or slots of the stack. */
export interface Renaming {
  readonly count: number;
  readonly typeOf: (variable: number) => IrType;
  /** Variables that each block reads before it writes them, as bits of {@link wordsFor} words, by its number. */
  readonly uses: Uint32Array;
  /** Those that it writes. */
  readonly defines: Uint32Array;
  /** Replaces what a block does with variables, whose values are in `state`: NONE for those that were never written. */
  readonly rename: (block: Block, state: Int32Array) => void;
  /** What a variable is that was never written. */
  readonly nothing: (variable: number) => Value;
}

/** Words with a bit for each variable. */
export function wordsFor(count: number): number {
  return (count + 31) >>> 5;
}

/**
 * Puts values in the place of variables. A variable gets a phi where what different blocks wrote into it meets and is
 * still read (pruned SSA; Cytron and others, 1991): elsewhere it is what it was at the end of the immediate dominator.
 */
export function renameVariables(func: IrFunction, renaming: Renaming): void {
  const { count } = renaming;
  const words = wordsFor(count);
  const needed = meetings(func, renaming, liveIn(func, renaming));
  const out = new Int32Array(func.blocks.length * count);
  const state = new Int32Array(count);
  const made: { block: Block; variable: number; phi: Phi }[] = [];
  const { immediate } = func.dominators;
  for (const block of func.inOrder()) {
    const before = immediate[block.id]!;
    if (before === NO_BLOCK) state.fill(NONE);
    else for (let i = 0; i < count; i++) state[i] = out[before * count + i]!;
    for (let word = 0; word < words; word++) {
      for (let bits = needed[block.id * words + word]!; bits !== 0; bits &= bits - 1) {
        const variable = 32 * word + 31 - Math.clz32(bits & -bits);
        const phi = func.phi(renaming.typeOf(variable), block);
        block.phis.push(phi);
        made.push({ block, variable, phi });
        state[variable] = phi.value;
      }
    }
    renaming.rename(block, state);
    for (let i = 0; i < count; i++) out[block.id * count + i] = state[i]!;
  }
  for (const { block, variable, phi } of made) {
    phi.args = block.predecessors.map((from) => {
      const value = func.isReached(from) ? (out[from.id * count + variable] as Value) : NONE;
      return value === NONE ? renaming.nothing(variable) : value;
    });
  }
  removeTrivialPhis(func);
}

/** Phis whose arguments are all one value, or the phi itself, are that value. @returns whether there was one. */
export function removeTrivialPhis(func: IrFunction): boolean {
  let removed = false;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of func.inOrder()) {
      if (block.phis.length === 0) continue;
      let kept = 0;
      for (const phi of block.phis) {
        const same = onlyValueOf(func, phi);
        if (same === null) {
          block.phis[kept++] = phi;
        } else {
          func.forward(phi.value, same);
          changed = true;
        }
      }
      block.phis.length = kept;
    }
    if (changed) removed = true;
  }
  return removed;
}

function onlyValueOf(func: IrFunction, phi: Phi): Value | null {
  let only: Value | null = null;
  for (const arg of phi.args) {
    const value = func.resolve(arg);
    if (value === phi.value || value === only) continue;
    if (only !== null && !isSameConstant(func, only, value)) return null;
    only ??= value;
  }
  return only;
}

function isSameConstant(func: IrFunction, a: Value, b: Value): boolean {
  return func.isConst(a) && func.isConstOf(b, func.imm(a), func.high(a)) && func.type(a) === func.type(b);
}

/** Which variables are read later, before they are written, where a block begins. */
function liveIn(func: IrFunction, { count, uses, defines }: Renaming): Uint32Array {
  const words = wordsFor(count);
  const live = uses.slice();
  const blocks = func.inOrder().toReversed();
  for (let changed = true; changed; ) {
    changed = false;
    for (const { id, successors } of blocks) {
      for (const next of successors) {
        for (let word = 0; word < words; word++) {
          const at = id * words + word;
          const more = (live[at]! | (live[next.id * words + word]! & ~defines[at]!)) >>> 0;
          if (more === live[at]) continue;
          live[at] = more;
          changed = true;
        }
      }
    }
  }
  return live;
}

/** Which variables need a phi where a block begins: live ones, in the iterated dominance frontier of their writes. */
function meetings(func: IrFunction, { count, defines }: Renaming, live: Uint32Array): Uint32Array {
  const words = wordsFor(count);
  const needed = new Uint32Array(live.length);
  const { immediate } = func.dominators;
  const joins = func.inOrder().filter(({ predecessors }) => predecessors.length > 1);
  /** By block: the look at a join that it was last come by in. */
  const passed = new Int32Array(func.blocks.length);
  let look = 0;
  const written = new Uint32Array(words);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { id, predecessors } of joins) {
      look++;
      written.fill(0);
      // Up from each predecessor, as far as what is written does not dominate the join.
      for (const from of predecessors) {
        if (!func.isReached(from)) continue;
        for (let at = from.id; at !== immediate[id] && passed[at] !== look; at = immediate[at]!) {
          passed[at] = look;
          for (let word = 0; word < words; word++)
            written[word]! |= defines[at * words + word]! | needed[at * words + word]!;
        }
      }
      for (let word = 0; word < words; word++) {
        const at = id * words + word;
        const more = (needed[at]! | (written[word]! & live[at]!)) >>> 0;
        if (more === needed[at]) continue;
        needed[at] = more;
        changed = true;
      }
    }
  }
  return needed;
}
