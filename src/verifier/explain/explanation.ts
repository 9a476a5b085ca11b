import type { LogSource } from "./log-model.ts";

/** A step of the chain: an instruction, and what it has to do with the refusal. */
export interface ExplanationStep {
  /**
   * - `origin`: where the value comes from.
   * - `passed`: the value was copied, spilled, filled or changed, and nothing was lost.
   * - `lost`: the needed fact was lost here, or should have been made sure of here.
   * - `used`: where the fact is needed.
   */
  readonly role: "origin" | "passed" | "lost" | "used";
  /** Slot in the program. */
  readonly instruction: number;
  /** As the kernel prints it; empty where the log does not show it. */
  readonly code: string;
  readonly source: LogSource | null;
  /** One sentence without a full stop. */
  readonly text: string;
}

/** A way to mend the program: a sentence, and code where code says it better. */
export interface ExplanationFix {
  readonly text: string;
  readonly code: string | null;
}

/** Why a program was refused, for a person. */
export interface Explanation {
  /** Stable: `"null-pointer"`; the catalogue in docs/verifier has a page for it. */
  readonly code: string;
  /** The problem in plain words, one sentence without a full stop. */
  readonly headline: string;
  /** The kernel's own words. */
  readonly message: string;
  /** Where it was refused; null where the program as a whole is to blame. */
  readonly instruction: { readonly index: number; readonly code: string; readonly operand: string } | null;
  readonly source: LogSource | null;
  /** From where the value came into being to where it is used; in the order in which the program runs. */
  readonly why: readonly ExplanationStep[];
  /** Which step of `why` to look at first: where the fact was lost, else where it is needed; null without steps. */
  readonly cause: number | null;
  readonly fixes: readonly ExplanationFix[];
}
