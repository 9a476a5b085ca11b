import { TsbpfError } from "../../base/index.ts";

/** A program that cannot be fixed up: the instruction, and the words that Linux has for the reason. */
export class FixupError extends TsbpfError {
  override name = "FixupError";
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

  /** The same about another slot: where slots were renumbered in between. */
  at(instruction: number): FixupError {
    return new FixupError(instruction, this.reason, this.detail);
  }
}
