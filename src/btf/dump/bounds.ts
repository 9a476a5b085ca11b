import type { FormatError } from "../../base/index.ts";
import type { Btf } from "../model.ts";

/** How deep types may nest in each other before a dump gives up: a kernel's reach 14. */
const MAX_DEPTH = 700;

/**
 * Keeps a walk over hostile types from filling the stack or running forever: types that refer to each other can
 * describe declarations of exponential length in a few bytes. A kernel's types take 0.4 steps for each word of data.
 */
export class WalkBounds {
  private readonly btf: Btf;
  private steps: number;
  private depth = 0;

  constructor(btf: Btf, words: number) {
    this.btf = btf;
    this.steps = 1_000_000 + 10 * words;
  }

  enter(id: number): void {
    if (++this.depth > MAX_DEPTH || --this.steps < 0) throw this.error(id);
  }

  leave(): void {
    this.depth--;
  }

  step(id: number): void {
    if (--this.steps < 0) throw this.error(id);
  }

  private error(id: number): FormatError {
    return this.btf.error(
      id,
      this.depth > MAX_DEPTH
        ? `types nest deeper than ${MAX_DEPTH}`
        : "expected a finite declaration, got types that expand without end",
    );
  }
}
