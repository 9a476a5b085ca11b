import type { Cause } from "./cause.ts";
import type { History } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import { isPointer } from "./value-kind.ts";

/** Where the program lost the last copy of an object that it has to give back; else where it was taken. */
export function causeOfLeak(history: History, allocation: number): Cause | null {
  const taken = history.path.findLast(({ step }) => step.index === allocation);
  if (taken === undefined) return null;
  const held = heldCause(taken);
  // Iterators, dynptrs and flags lie on the stack: there is no pointer to lose.
  if (!isPointer(history.known(0, taken.position + 1))) return held;
  const end = history.path.length;
  let gone: PathStep | null = null;
  history.spread({ frame: taken.frame, register: 0 }, taken.position, end, (here, places) => {
    if (places.length > 0) return true;
    gone = history.path[here.position - 1]!;
    return false;
  });
  const lost = gone as PathStep | null;
  if (lost !== null && !isReturnValue(history, lost)) {
    if (!setsAnew(taken, lost)) {
      return {
        at: lost,
        text: "the program has no more use of the pointer from here on: nothing behind this releases the object",
      };
    }
    return {
      at: lost,
      text: "the last copy of the pointer is overwritten here: nothing can release the object any more",
    };
  }
  return held;
}

/** An object that is held from where it was taken on. */
export function heldCause(taken: PathStep): Cause {
  return { at: taken, text: "the object is taken here, and never given back on this path" };
}

/** Whether the variable of an object is given another value, and not only its register: what compilers do behind its last use. */
export function setsAnew(taken: PathStep, lost: PathStep): boolean {
  if (lost.step.index === taken.step.index) return true;
  const name = assignedIn(taken);
  if (name !== null && assignedIn(lost) === name) return true;
  // Without lines of source a value that is set on purpose counts as that.
  return lost.step.source === null && lost.effect.operation !== "call";
}

/** The only variable that a step's line assigns. */
function assignedIn({ step }: PathStep): string | null {
  const found = [...(step.source?.text ?? "").matchAll(/(?:^|[\s*(])([A-Za-z_]\w*) = (?!=)/g)];
  return found.length === 1 ? found[0]![1]! : null;
}

/** `r0 = 0` in front of the end: the pointer was not needed any more, and nobody thought of the release. */
function isReturnValue(history: History, { effect, position }: PathStep): boolean {
  if (effect.writes !== 0 || effect.operation === "call") return false;
  return history.path
    .slice(position + 1)
    .every(({ effect: { operation } }) => operation === "exit" || operation === "goto");
}

/** The newest call on the path that began what a message complains about. */
export function newestCall(history: History, names: RegExp, text: string): Cause | null {
  const at = history.path.findLast(
    ({ effect, position }) =>
      effect.call !== null && names.test(effect.call) && position < history.path.length - 1,
  );
  return at === undefined ? null : { at, text };
}
