import { TsbpfError } from "../../base/index.ts";
import { ancillaryOf, SKF_AD_OFF } from "./ancillary.ts";
import { type ClassicOp, classicOp } from "./opcode.ts";
import { CLASSIC_MAX_INSNS, CLASSIC_MEM_WORDS, type SockFilter } from "./sock-filter.ts";

/** Why Linux refuses a classic program. */
export interface ClassicProblem {
  /** The instruction at fault, from 0; 0 also for a program of impossible length. */
  readonly index: number;
  /** One clause without a final full stop. */
  readonly reason: string;
}

/** A classic program that Linux refuses with EINVAL. */
export class ClassicCheckError extends TsbpfError {
  override name = "ClassicCheckError";
  readonly index: number;
  readonly reason: string;
  readonly errno = "EINVAL";

  constructor(problem: ClassicProblem) {
    super(`classic BPF program: instruction ${problem.index}: ${problem.reason}`);
    this.index = problem.index;
    this.reason = problem.reason;
  }
}

/** Accepts what Linux's `bpf_check_classic()` accepts; throws a {@link ClassicCheckError} otherwise. */
export function checkClassic(program: readonly SockFilter[]): void {
  const problem = classicProblem(program);
  if (problem !== null) throw new ClassicCheckError(problem);
}

/** The first reason why Linux's `bpf_check_classic()` refuses a program, or `null` where it does not. */
export function classicProblem(program: readonly SockFilter[]): ClassicProblem | null {
  const length = program.length;
  if (length === 0 || length > CLASSIC_MAX_INSNS) {
    return { index: 0, reason: `expected 1 to ${CLASSIC_MAX_INSNS} instructions, got ${length}` };
  }
  for (let index = 0; index < length; index++) {
    const reason = reasonAt(program[index]!, length - index - 1);
    if (reason !== null) return { index, reason };
  }
  const last = classicOp(program[length - 1]!.code)!;
  if (last.mnemonic !== "ret") {
    return { index: length - 1, reason: `expected the last instruction to be ret, got ${last.mnemonic}` };
  }
  return uninitialisedLoad(program);
}

/** What is wrong with one instruction that `following` others follow. */
function reasonAt(insn: SockFilter, following: number): string | null {
  const op = classicOp(insn.code);
  if (op === undefined || !op.known) return `unknown instruction code 0x${insn.code.toString(16)}`;
  const k = insn.k >>> 0;
  if (op.conditional) {
    if (insn.jt >= following) return `jump true by ${insn.jt} leaves the program`;
    if (insn.jf >= following) return `jump false by ${insn.jf} leaves the program`;
    return null;
  }
  switch (op.operand) {
    case "target":
      return k >= following ? `jump by ${k} leaves the program` : null;
    case "mem":
      return k >= CLASSIC_MEM_WORDS ? `expected a memory word below ${CLASSIC_MEM_WORDS}, got M[${k}]` : null;
    case "abs":
      return k >= SKF_AD_OFF && ancillaryOf(k) === undefined
        ? `no ancillary data at SKF_AD_OFF + ${k - SKF_AD_OFF}`
        : null;
    case "dec":
      return constantReason(op, k);
    default:
      return null;
  }
}

function constantReason(op: ClassicOp, k: number): string | null {
  switch (op.mnemonic) {
    case "div":
    case "mod":
      return k === 0 ? `${op.mnemonic} by zero` : null;
    case "lsh":
    case "rsh":
      return k >= 32 ? `expected a shift below 32, got ${k}` : null;
    default:
      return null;
  }
}

/**
 * A load of a memory word that some path did not store before (`check_load_and_stores()`).
 *
 * One pass suffices, since all jumps go forward: each instruction's mask of stored words is the intersection over
 * the jumps that lead to it; after a jump nothing falls through, so everything counts as stored.
 */
function uninitialisedLoad(program: readonly SockFilter[]): ClassicProblem | null {
  const masks = new Uint16Array(program.length).fill(0xffff);
  let valid = 0;
  for (let index = 0; index < program.length; index++) {
    const insn = program[index]!;
    const op = classicOp(insn.code)!;
    valid &= masks[index]!;
    if (op.operand === "mem") {
      const bit = 1 << insn.k;
      if (op.mnemonic === "st" || op.mnemonic === "stx") valid |= bit;
      else if ((valid & bit) === 0) return { index, reason: `M[${insn.k}] is read before it is written` };
    } else if (op.operand === "target") {
      masks[index + 1 + insn.k]! &= valid;
      valid = 0xffff;
    } else if (op.conditional) {
      masks[index + 1 + insn.jt]! &= valid;
      masks[index + 1 + insn.jf]! &= valid;
      valid = 0xffff;
    }
  }
  return null;
}
