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
    const expected = inputs.packets.map((packet, run) => {
      reference.arrange(inputs.slots[run]!);
      return reference.run(packet);
    });
    const fault = expected.find((outcome) => outcome.fault !== null)?.fault ?? null;
    for (const other of others) {
      const difference = differenceOf(program, inputs, other, { expected, reference });
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
    reference,
  }: { readonly expected: ReturnType<Laboratory["run"]>[]; readonly reference: Laboratory },
): Difference | null {
  const { name } = subject;
  try {
    subject.load(program);
    subject.fill(inputs);
    for (const [run, packet] of inputs.packets.entries()) {
      subject.arrange(inputs.slots[run]!);
      const got = subject.run(packet);
      // Where a budget ends is not the same place everywhere: another fault may come first, and what follows differs.
      const faults = [expected[run]!.fault, got.fault];
      if (faults.includes(EXHAUSTED) && !faults.includes(null)) return null;
      const difference = compareOutcomes(expected[run]!, got);
      if (difference !== null) return { subject: name, run, ...difference };
    }
    const left = leftDifference(reference, subject);
    return left === null ? null : { subject: name, run: expected.length - 1, what: "maps", ...left };
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

/** What differs in the maps of two laboratories after all runs. */
function leftDifference(
  reference: Laboratory,
  subject: Laboratory,
): Pick<Difference, "expected" | "got"> | null {
  const [one, other] = [reference.image?.(), subject.image?.()];
  if (one === undefined || other === undefined)
    return lineDifference(reference.contents(), subject.contents());
  if (Buffer.compare(one, other) === 0) return null;
  const at = one.findIndex((byte, i) => byte !== other[i]) & -8;
  const word = (image: Uint8Array) =>
    `${reference.whatIsAt?.(at) ?? at}: ${Buffer.from(image.subarray(at, at + 8)).toString("hex")}`;
  return { expected: word(one), got: word(other) };
}

function lineDifference(
  expected: readonly string[],
  got: readonly string[],
): Pick<Difference, "expected" | "got"> | null {
  const line = expected.findIndex((text, i) => text !== got[i]);
  if (line < 0 && got.length === expected.length) return null;
  const at = line < 0 ? expected.length : line;
  return { expected: expected[at] ?? "no more", got: got[at] ?? "no more" };
}
