import type { Refusal } from "./rule.ts";

/** All that the log shows of the program. */
export function otherInstructions({ log }: Refusal): ReadonlyMap<number, string> {
  return new Map([...log.steps.map(({ index, text }) => [index, text] as const), ...log.program]);
}
