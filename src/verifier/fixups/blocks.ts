import { type Insn, lookup } from "../../isa/index.ts";
import { type Functions, jumpTarget } from "./functions.ts";

/** Where straight runs of instructions begin: jump targets, slots after a jump, and functions. */
export class Blocks {
  /** First slots, in ascending order. */
  readonly starts: Int32Array;
  /** Block that begins at a slot, plus 1; 0 where none does. */
  readonly #at: Int32Array;

  constructor(insns: readonly Insn[], functions: Functions) {
    const begins = new Uint8Array(insns.length + 1);
    for (const start of functions.starts) begins[start] = 1;
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!;
      const row = lookup(insn);
      if (row === undefined) continue;
      const target = jumpTarget(slot, insn, row);
      if (target >= 0 && target < insns.length) begins[target] = 1;
      if (target >= 0 || row.kind === "exit") begins[slot + 1] = 1;
      if (row.slots === 2) slot++;
    }
    this.#at = new Int32Array(insns.length + 1);
    const starts: number[] = [];
    for (let slot = 0; slot < insns.length; slot++) {
      if (begins[slot] === 1) this.#at[slot] = starts.push(slot);
    }
    this.starts = Int32Array.from(starts);
  }

  get count(): number {
    return this.starts.length;
  }

  /** The block that begins at a slot, or -1. */
  at(slot: number): number {
    return (this.#at[slot] ?? 0) - 1;
  }
}
