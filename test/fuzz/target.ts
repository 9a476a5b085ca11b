import type { Random } from "./random.ts";

/** Something that takes bytes from strangers. */
export interface Target {
  readonly name: string;
  /** What one input may take at most, where it is not the usual time. */
  readonly milliseconds?: number;
  /** How often it has run what it accepted, where one input is run several times. Grows. */
  readonly runs?: number;
  /** Valid inputs to start from. Made once. */
  corpus(): readonly Uint8Array[];
  /** An input made of corpus entries. It follows from `random` alone. */
  mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array;
  /**
   * Feeds the input to the project. Returns where it was accepted; throws the project's own error where it was refused;
   * anything else that it throws is a bug.
   */
  run(input: Uint8Array): void;
}
