import type { Inputs } from "./input.ts";
import { compareOutcomes, type Difference, EXHAUSTED, type Laboratory } from "./outcome.ts";
import type { FuzzProgram } from "./program.ts";

/** What trying a program came to. */
export interface Trial {
  readonly difference: Difference | null;
  /** What ended a run in the first laboratory; programs that are meant to end come to none. */
  readonly fault: string | null;
  /** Why the first laboratory refuses it. */
  readonly refused: string | null;
}

/** Runs a program on all inputs in all laboratories; the first one is right. */
export function tryProgram(program: FuzzProgram, inputs: Inputs, laboratories: readonly Laboratory[]): Trial {
  const [reference, ...others] = laboratories as [Laboratory, ...Laboratory[]];
  try {
    reference.load(program);
  } catch (error) {
    reference.unload();
    return { difference: null, fault: null, refused: (error as Error).message };
  }
  try {
    reference.fill(inputs);
    const expected = inputs.packets.map((packet) => reference.run(packet));
    const contents = reference.contents();
    const fault = expected.find((outcome) => outcome.fault !== null)?.fault ?? null;
    for (const other of others) {
      const difference = differenceOf(program, inputs, other, { expected, contents });
      if (difference !== null) return { difference, fault, refused: null };
    }
    return { difference: null, fault, refused: null };
  } finally {
    reference.unload();
  }
}

function differenceOf(
  program: FuzzProgram,
  inputs: Inputs,
  subject: Laboratory,
  {
    expected,
    contents,
  }: { readonly expected: ReturnType<Laboratory["run"]>[]; readonly contents: readonly string[] },
): Difference | null {
  const { name } = subject;
  try {
    subject.load(program);
    subject.fill(inputs);
    for (const [run, packet] of inputs.packets.entries()) {
      const got = subject.run(packet);
      // Where a budget ends is not the same place everywhere: another fault may come first, and what follows differs.
      const faults = [expected[run]!.fault, got.fault];
      if (faults.includes(EXHAUSTED) && !faults.includes(null)) return null;
      const difference = compareOutcomes(expected[run]!, got);
      if (difference !== null) return { subject: name, run, ...difference };
    }
    const found = subject.contents();
    const line = contents.findIndex((text, i) => text !== found[i]);
    if (line < 0 && found.length === contents.length) return null;
    const at = line < 0 ? contents.length : line;
    const what = "maps";
    return {
      subject: name,
      run: expected.length - 1,
      what,
      expected: contents[at] ?? "no more",
      got: found[at] ?? "no more",
    };
  } catch (error) {
    return {
      subject: name,
      run: null,
      what: "load",
      expected: "no error",
      got: String((error as Error).message),
    };
  } finally {
    subject.unload();
  }
}
