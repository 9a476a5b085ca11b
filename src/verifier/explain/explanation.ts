import type { LogSource } from "./log-model.ts";

/** A step of the chain: an instruction, and what it has to do with the refusal. */
export interface ExplanationStep {
  /**
   * - `origin`: where the value comes from; the needed fact was last true, or never known.
   * - `lost`: the fact was lost here.
   * - `passed`: the value was copied, spilled or filled, with what was known of it.
   * - `used`: where the fact is needed.
   */
  readonly role: "origin" | "lost" | "passed" | "used";
  readonly instruction: number;
  /** As the kernel prints it. */
  readonly code: string;
  readonly source: LogSource | null;
  /** One sentence. */
  readonly text: string;
}

/** Why a program was refused, for a person. */
export interface Explanation {
  /** Stable: `"null-pointer"`; the catalogue in docs/verifier has a page for it. */
  readonly code: string;
  /** The problem in plain words, one sentence without a full stop. */
  readonly headline: string;
  /** The kernel's own words. */
  readonly message: string;
  /** Where it was refused; null where no instruction is to blame. */
  readonly instruction: { readonly index: number; readonly code: string; readonly operand: string } | null;
  readonly source: LogSource | null;
  /** From where the needed fact was last true to where it is missed. */
  readonly why: readonly ExplanationStep[];
  /** What would mend it: sentences, each with code where code says it better. */
  readonly fixes: readonly { readonly text: string; readonly code: string | null }[];
}
