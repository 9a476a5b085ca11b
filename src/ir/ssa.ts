import type { IrFunction } from "./function.ts";
import type { Block, IrType, Phi, Value } from "./value.ts";

/** Variables that are turned into values: registers, or slots of the stack. */
export interface Renaming {
  readonly count: number;
  readonly typeOf: (variable: number) => IrType;
  /** Variables, as bits of words, that are read before they are written in each block; and those that are written. */
  readonly uses: (block: Block) => Uint32Array;
  readonly defines: (block: Block) => Uint32Array;
  /** Replaces what a block does with variables, whose values are in `state`. */
  readonly rename: (block: Block, state: (Value | undefined)[]) => void;
  /** What a variable is that was never written. */
  readonly nothing: (variable: number) => Value;
}

/**
 * Puts values in the place of variables. Where several edges meet, each variable that is still read gets a phi: there
 * are few variables, and phis that turn out to be no more than one value are removed again.
 */
export function renameVariables(func: IrFunction, renaming: Renaming): void {
  const { count } = renaming;
  const live = liveIn(func, renaming);
  const out: (Value | undefined)[][] = [];
  const made: { block: Block; variable: number; phi: Phi }[] = [];
  const { reversePostorderIndex } = func.order;
  for (const block of func.inOrder()) {
    let state: (Value | undefined)[];
    const [before] = block.predecessors;
    if (block.predecessors.length === 1 && before !== undefined) {
      state = out[before.id]!.slice();
    } else {
      // The entry, which nothing leads to, has no variables yet.
      state = new Array(count);
      const words = live[block.id]!;
      for (let variable = 0; variable < count && before !== undefined; variable++) {
        if ((words[variable >>> 5]! & (1 << (variable & 31))) === 0) continue;
        const phi = func.phi(renaming.typeOf(variable), block);
        block.phis.push(phi);
        made.push({ block, variable, phi });
        state[variable] = phi.value;
      }
    }
    renaming.rename(block, state);
    out[block.id] = state;
  }
  for (const { block, variable, phi } of made) {
    phi.args = block.predecessors.map((from) =>
      reversePostorderIndex[from.id] === 0xffff_ffff
        ? renaming.nothing(variable)
        : (out[from.id]![variable] ?? renaming.nothing(variable)),
    );
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
function liveIn(func: IrFunction, { count, uses, defines }: Renaming): Uint32Array[] {
  const words = (count + 31) >>> 5;
  const live: Uint32Array[] = [];
  const kept: Uint32Array[] = [];
  for (const block of func.blocks) {
    live[block.id] = uses(block).slice();
    kept[block.id] = defines(block).map((word) => ~word);
  }
  const blocks = Array.from(func.inOrder()).reverse();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of blocks) {
      const mine = live[block.id]!;
      for (const next of block.successors) {
        const theirs = live[next.id]!;
        for (let word = 0; word < words; word++) {
          const more = mine[word]! | (theirs[word]! & kept[block.id]![word]!);
          if (more >>> 0 === mine[word]!) continue;
          mine[word] = more;
          changed = true;
        }
      }
    }
  }
  return live;
}
