import { type Cfg, graphOf } from "../../cfg/index.ts";
import { displacementOf, type Insn, type InsnRow, lookup } from "../../isa/index.ts";
import { CodeError } from "../code-error.ts";

/** A block of slots; `end` is the one behind its last. An empty one at the program's end is where code runs out. */
export interface CodeBlock {
  readonly start: number;
  readonly end: number;
}

/** A function as it is compiled: all blocks that its entry reaches. Blocks of two functions may be the same slots. */
export interface CodeFunction {
  /** First slot. */
  readonly entry: number;
  readonly blocks: readonly CodeBlock[];
  readonly graph: Cfg;
}

/** Slots with their rows, cut into blocks. */
export class CodeGraph {
  readonly insns: readonly Insn[];
  /** Row of each slot; absent for the second half of a wide load. */
  readonly rows: readonly (InsnRow | undefined)[];
  /** First slots of all functions: slot 0, targets of local calls, functions whose address is taken. */
  readonly entries: ReadonlySet<number>;
  readonly #leaders: Uint8Array;
  /** Instructions in front of each slot. */
  readonly #ordinals: Uint32Array;
  /** Target of each jump. */
  readonly #targets: Int32Array;

  /** Slots of calls that nothing comes back from. */
  readonly #throws: ReadonlySet<number>;

  /**
   * @param more first slots of functions that no instruction leads to.
   * @param throws slots of calls that nothing comes back from.
   * @throws CodeError for what is no instruction, and for a target outside the program.
   */
  constructor(
    name: string,
    insns: readonly Insn[],
    { more = [], throws = new Set() }: { more?: readonly number[]; throws?: ReadonlySet<number> } = {},
  ) {
    const count = insns.length;
    this.insns = insns;
    this.#throws = throws;
    this.#leaders = new Uint8Array(count + 1);
    this.#targets = new Int32Array(count).fill(-1);
    const rows: (InsnRow | undefined)[] = new Array(count);
    const entries = new Set<number>([0, ...more]);
    for (let slot = 0; slot < count; slot++) {
      const insn = insns[slot]!;
      const row = lookup(insn);
      if (row === undefined)
        throw new CodeError(name, slot, `expected an instruction, got opcode 0x${insn.opcode.toString(16)}`);
      rows[slot] = row;
      const displacement = displacementOf(insn, row);
      if (displacement !== undefined) {
        const target = slot + 1 + displacement;
        if (target < 0 || target >= count)
          throw new CodeError(name, slot, `expected a target in the program, got slot ${target}`);
        if (isJump(row)) this.#targets[slot] = target;
        else entries.add(target);
        this.#leaders[target] = 1;
      }
      if (isJump(row) || row.kind === "exit" || throws.has(slot)) this.#leaders[slot + 1] = 1;
      if (row.kind !== "wide") continue;
      if (++slot >= count)
        throw new CodeError(name, slot - 1, "expected the second slot of the wide load, got the end");
      rows[slot] = undefined;
    }
    for (const entry of entries) this.#leaders[entry] = 1;
    this.#ordinals = new Uint32Array(count + 1);
    for (let slot = 0; slot < count; slot++)
      this.#ordinals[slot + 1] = this.#ordinals[slot]! + (rows[slot] === undefined ? 0 : 1);
    this.rows = rows;
    this.entries = entries;
  }

  /** Instructions from a slot up to another, where wide loads are one. */
  instructionsBetween(from: number, to: number): number {
    return this.#ordinals[to]! - this.#ordinals[from]!;
  }

  function(entry: number): CodeFunction {
    const numbers = new Map<number, number>();
    const blocks: CodeBlock[] = [];
    const numberOf = (start: number): number => {
      let number = numbers.get(start);
      if (number === undefined) {
        number = blocks.length;
        numbers.set(start, number);
        blocks.push({ start, end: this.#endOf(start) });
      }
      return number;
    };
    numberOf(entry);
    const successors: number[][] = [];
    for (let block = 0; block < blocks.length; block++) {
      successors.push(this.#successorsOf(blocks[block]!).map(numberOf));
    }
    if (successors.some((each) => each.includes(0))) {
      // Nothing leads back to where a function is entered.
      blocks.unshift({ start: entry, end: entry });
      const shifted = successors.map((each) => each.map((block) => block + 1));
      return { entry, blocks, graph: graphOf([[1], ...shifted]) };
    }
    return { entry, blocks, graph: graphOf(successors) };
  }

  #endOf(start: number): number {
    const count = this.insns.length;
    let end = start + 1;
    while (end < count && this.#leaders[end] === 0) end++;
    return Math.min(end, count);
  }

  #successorsOf({ start, end }: CodeBlock): number[] {
    if (start >= this.insns.length) return [];
    const last = this.rows[end - 1];
    if (last?.kind === "exit" || this.#throws.has(end - 1)) return [];
    const target = this.#targets[end - 1]!;
    if (last?.kind === "goto") return [target];
    return target >= 0 ? [end, target] : [end];
  }
}

function isJump(row: InsnRow): boolean {
  return row.kind === "branch" || row.kind === "goto" || row.kind === "mayGoto";
}
