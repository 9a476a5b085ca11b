/** How deep types may nest in each other before a dump gives up: a kernel's reach 14. */
export const MAX_DEPTH = 700;

/** Why a walk over types ended by a trap. */
export const Failure = { NONE: 0, NESTING: 1, ENDLESS: 2, CYCLE: 3, MEMORY: 4 } as const;

/** What is wrong then. */
export const PROBLEMS: Readonly<Record<number, string>> = {
  [Failure.NESTING]: `types nest deeper than ${MAX_DEPTH}`,
  [Failure.ENDLESS]: "expected a finite declaration, got types that expand without end",
  [Failure.CYCLE]: "expected types that C can define in some order, got a cycle",
  [Failure.MEMORY]: "expected a declaration that fits in memory",
};

/** How many steps a walk over so many words may take. A kernel's types take 0.4 for each word. */
export function stepsFor(words: number): number {
  return Math.min(1_000_000 + 10 * words, 0x7fff_ffff);
}
