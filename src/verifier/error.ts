import { TsbpfError } from "../base/index.ts";
import {
  type Explanation,
  explainLog,
  type LineRecord,
  type LogSource,
  located,
  type ProgramFacts,
} from "./explain/index.ts";

export interface VerifierErrorOptions {
  /** What no log says of the program: its type, section, functions, relocations. */
  readonly facts?: ProgramFacts;
  /** Where its instructions come from, in the order of their slots. */
  readonly lines?: readonly LineRecord[];
  /** The errno of the load. */
  readonly cause?: unknown;
}

/**
 * A program that a kernel's verifier refused: what `load` has as the cause of its LoadError, and what can be made of any
 * kernel's log.
 *
 * ```ts
 * try {
 *   load(spec, kernel);
 * } catch (error) {
 *   if (error.cause instanceof VerifierError) console.error(error.cause.explain()?.headline);
 * }
 * ```
 */
export class VerifierError extends TsbpfError {
  override name = "VerifierError";
  readonly program: string;
  /** As the kernel wrote it, statistics included. */
  readonly log: string;
  readonly #options: VerifierErrorOptions;
  #explanation: Explanation | null | undefined;

  constructor(program: string, log: string, options: VerifierErrorOptions = {}) {
    const { cause } = options;
    super(
      cause instanceof Error ? cause.message : `program ${program}: refused by the verifier`,
      cause === undefined ? undefined : { cause },
    );
    this.program = program;
    this.log = log;
    this.#options = options;
  }

  /** What is wrong, why, and what would mend it; null where the log does not say. */
  explain(): Explanation | null {
    if (this.#explanation === undefined) {
      const { facts, lines = [] } = this.#options;
      const found = explainLog(this.log, {
        refused: true,
        ...(facts === undefined ? {} : { program: facts }),
      });
      this.#explanation = found === null ? null : located(found, lines);
    }
    return this.#explanation;
  }

  /** The slot at which the program was refused; null where it is refused as a whole, or the log does not say. */
  get instruction(): number | null {
    return this.explain()?.instruction?.index ?? null;
  }

  /** The line that this instruction comes from; null without line records. */
  get source(): LogSource | null {
    return this.explain()?.source ?? null;
  }
}
