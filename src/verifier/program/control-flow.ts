import type { Insn } from "../../isa/index.ts";
import { slotsOf } from "../../isa/index.ts";
import { FlowKind, flowKind, jmpOffset } from "./flow-kind.ts";

const NONE = -1;

/** Where each instruction of a program leads inside its subprogram; calls lead to the next instruction. */
export class ControlFlow {
  /** Two for each slot: the next instruction, then the target of a jump; -1 for none, and those last. */
  readonly #successors: Int32Array;
  /** Instructions in postorder, one subprogram after the other; empty until {@link computePostorder}. */
  postorder: Int32Array = new Int32Array(0);

  constructor(insns: readonly Insn[]) {
    const successors = new Int32Array(insns.length * 2).fill(NONE);
    for (let i = 0; i < insns.length; i++) {
      const insn = insns[i]!;
      const kind = flowKind(insn);
      let at = i * 2;
      if (kind !== FlowKind.JUMP && kind !== FlowKind.EXIT) successors[at++] = i + slotsOf(insn);
      if (kind === FlowKind.JUMP || kind === FlowKind.BRANCH) successors[at] = i + jmpOffset(insn) + 1;
    }
    this.#successors = successors;
  }

  /** -1 where nothing follows. */
  first(insnIdx: number): number {
    return this.#successors[insnIdx * 2]!;
  }

  /** -1 where there is but one successor, or none. */
  second(insnIdx: number): number {
    return this.#successors[insnIdx * 2 + 1]!;
  }

  /** `which` is 0 or 1. */
  successor(insnIdx: number, which: number): number {
    return this.#successors[insnIdx * 2 + which]!;
  }
}
