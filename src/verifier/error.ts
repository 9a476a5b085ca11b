import { TsbpfError } from "../base/index.ts";
import { type Explanation, explainLog } from "./explain/index.ts";

/** A program that may not run: the instruction, and the words that Linux has for the reason. */
export class VerifierError extends TsbpfError {
  override name = "VerifierError";
  /** The slot, in the program as it was given. */
  readonly instruction: number;
  /** As Linux's log has it: `"invalid bpf_context access off=4 size=8"`. */
  readonly reason: string;
  /** What Linux does not say: where paths met, what a register holds. */
  readonly detail: string;

  constructor(instruction: number, reason: string, detail = "") {
    super(`instruction ${instruction}: ${reason}${detail === "" ? "" : `: ${detail}`}`);
    this.instruction = instruction;
    this.reason = reason;
    this.detail = detail;
  }

  /** What the reason means and what would mend it; null where there is none. Those with a log ask `explainLog`. */
  explain(): Explanation | null {
    return explainLog(`${this.instruction}: (00) ?\n${this.reason}\n`, { refused: true });
  }

  /** The same about another slot: where slots were renumbered in between. */
  at(instruction: number): VerifierError {
    return new VerifierError(instruction, this.reason, this.detail);
  }
}
