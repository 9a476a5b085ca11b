import type { Explanation } from "../verifier/index.ts";
import type { VerificationCost } from "./verify-stats.ts";

/** What the verifier said to one program. */
export interface Verdict {
  readonly name: string;
  /** The object, or the log; `"-"` for standard input. */
  readonly file: string;
  readonly accepted: boolean;
  /** Instructions that the verifier went through; null where it did not say. */
  readonly processed: number | null;
  /** Why the program was not even verified; else null. */
  readonly problem: string | null;
  readonly explanation: Explanation | null;
  /** The classic log, where it was asked for. */
  readonly log: string | null;
  /** What it cost, where that was asked for and the verifier was asked. */
  readonly stats: VerificationCost | null;
}
