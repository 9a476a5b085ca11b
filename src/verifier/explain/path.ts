import type { LogStep, ParsedLog } from "./log-model.ts";

/** Which step of a log came before which: a log holds all paths, one behind the other, each from where it branched off. */
export class LogPaths {
  readonly #steps: readonly LogStep[];
  /** Position of the step before; -1 at the beginning. */
  readonly #before: readonly number[];

  constructor({ steps }: ParsedLog) {
    this.#steps = steps;
    this.#before = stepsBefore(steps);
  }

  /** The steps that lead to one, it included, in the order in which they run. */
  to(position: number): readonly LogStep[] {
    const path: LogStep[] = [];
    for (let at = position; at >= 0; at = this.#before[at]!) path.push(this.#steps[at]!);
    return path.reverse();
  }

  /** The path that ends the log: that on which the program was refused. */
  failing(): readonly LogStep[] {
    return this.to(this.#steps.length - 1);
  }

  /** Another path to the instruction where the failing one ends, the newest; null where there is none. */
  otherWay(): readonly LogStep[] | null {
    const last = this.#steps.at(-1);
    for (let at = this.#steps.length - 2; at >= 0; at--) {
      if (this.#steps[at]!.index === last!.index) return this.to(at);
    }
    return null;
  }
}

/**
 * Paths that were put aside are taken up newest first (`pop_stack`), so a path goes on from the newest visit of its
 * branch that no other path went on from.
 */
function stepsBefore(steps: readonly LogStep[]): number[] {
  const open = new Map<number, number[]>();
  return steps.map(({ from, index, begins }, at) => {
    if (begins === true) open.clear();
    const before =
      begins === true ? -1 : from === null ? at - 1 : takeBranch(open.get(from) ?? [], steps, at);
    const visits = open.get(index);
    if (visits === undefined) open.set(index, [at]);
    else visits.push(at);
    return before;
  });
}

function takeBranch(visits: number[], steps: readonly LogStep[], at: number): number {
  // What went this way itself was not put aside there.
  const target = steps[at]!.index;
  let chosen = visits.length - 1;
  while (chosen >= 0 && visits[chosen] !== at - 1 && steps[visits[chosen]! + 1]!.index === target) chosen--;
  if (chosen < 0) chosen = visits.length - 1;
  return visits.splice(chosen, 1)[0] ?? -1;
}
