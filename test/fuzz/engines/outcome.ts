import type { Inputs } from "./input.ts";
import type { FuzzProgram } from "./program.ts";

/** What a run came to. */
export interface Outcome {
  /** r0: low and high half, unsigned; null where that cannot be seen. */
  readonly result: readonly [number, number | null];
  /** Its kind and slot, where one ended the run. */
  readonly fault: string | null;
  readonly packet: Uint8Array;
  /** The value of the map `out`: registers and the stack, as the program left them. */
  readonly out: Uint8Array;
}

/** The fault of a run that had more instructions than it may have. */
export const EXHAUSTED = "out of budget";

/** What runs programs: an engine, or the live kernel. */
export interface Laboratory {
  readonly name: string;
  /** @throws where the program is refused. */
  load(program: FuzzProgram): void;
  /** Makes maps hold what they are to hold before the first run. */
  fill(inputs: Inputs): void;
  /** Puts programs into the slots of the map `jumps`, by their numbers; negative ones, and those that there are not, are empty. */
  arrange(slots: readonly number[]): void;
  run(packet: Uint8Array): Outcome;
  contents(): readonly string[];
  /**
   * All of its maps and objects, as they lie in memory; only valid until something runs. Absent where that cannot be
   * seen: then there are the `contents`.
   */
  image?(): Uint8Array;
  /** What lies at an offset of the image. */
  whatIsAt?(offset: number): string;
  unload(): void;
  close(): void;
}

/** Two laboratories differ about a program. */
export interface Difference {
  readonly subject: string;
  /** The run, from 0; null where the program cannot be loaded. */
  readonly run: number | null;
  readonly what: "load" | "r0" | "r0, upper half" | "fault" | "packet" | "out" | "maps";
  readonly expected: string;
  readonly got: string;
}

/** What two outcomes of run number `run` differ in first; null where they agree. */
export function compareOutcomes(
  expected: Outcome,
  got: Outcome,
): Pick<Difference, "what" | "expected" | "got"> | null {
  if (expected.fault !== got.fault)
    return { what: "fault", expected: String(expected.fault), got: String(got.fault) };
  for (const [index, what] of (["r0", "r0, upper half"] as const).entries()) {
    const [a, b] = [expected.result[index]!, got.result[index]!];
    if (a !== null && b !== null && a !== b) return { what, expected: hex32(a), got: hex32(b) };
  }
  for (const what of ["packet", "out"] as const) {
    if (Buffer.compare(expected[what], got[what]) === 0) continue;
    const at = expected[what].findIndex((byte, i) => byte !== got[what][i]);
    const start = at & -8;
    const part = (outcome: Outcome) =>
      `${start}: ${Buffer.from(outcome[what].subarray(start, start + 8)).toString("hex")}`;
    return { what, expected: part(expected), got: part(got) };
  }
  return null;
}

function hex32(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
