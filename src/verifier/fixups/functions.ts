import { CallKind, type Insn, type InsnRow, isWide, lookup, WideKind } from "../../isa/index.ts";

/** The slot that a jump leads to, or -1 for an instruction that does not jump within its function. */
export function jumpTarget(slot: number, insn: Insn, row: InsnRow): number {
  switch (row.kind) {
    case "branch":
    case "mayGoto":
      return slot + 1 + insn.off;
    case "goto":
      return slot + 1 + (row.width === 32 ? insn.imm : insn.off);
    default:
      return -1;
  }
}

/** The slot of the function that an instruction calls or takes the address of, or -1. */
export function functionTarget(slot: number, insn: Insn): number {
  const row = lookup(insn);
  if (row === undefined) return -1;
  const calls = row.kind === "call" && row.src === CallKind.local;
  const takes = isWide(insn) && insn.src === WideKind.func;
  return calls || takes ? slot + 1 + insn.imm : -1;
}

/** The functions of a program, by their first slots in ascending order; the main function begins at 0. */
export class Functions {
  readonly starts: Int32Array;
  readonly #count: number;

  constructor(insns: readonly Insn[]) {
    const starts = new Set([0]);
    for (let slot = 0; slot < insns.length; slot++) {
      const target = functionTarget(slot, insns[slot]!);
      if (target >= 0 && target < insns.length) starts.add(target);
    }
    this.starts = Int32Array.from(starts).sort();
    this.#count = insns.length;
  }

  get count(): number {
    return this.starts.length;
  }

  /** The slot after the last of a function. */
  end(index: number): number {
    return index + 1 < this.starts.length ? this.starts[index + 1]! : this.#count;
  }

  /** The function that a slot belongs to. */
  of(slot: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= slot) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The function that begins at a slot, or -1. */
  at(slot: number): number {
    const index = this.of(slot);
    return this.starts[index] === slot ? index : -1;
  }
}
