import { getHeapStatistics } from "node:v8";
import { minimise } from "./minimise.ts";
import { judge, LIMITS, type Problem, resourceProblem } from "./oracle.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

const MINIMISING = 8000;
const STACK = 40;

/** Inputs of one target to be tried one after the other; input `n` follows from the seed, the target and `n` alone. */
export interface Slice {
  readonly seed: number;
  readonly target: string;
  readonly from: number;
  readonly count: number;
  /** When to stop even so. */
  readonly milliseconds: number;
}

/** An input that shows a bug. */
export interface Finding {
  readonly target: string;
  /** Its number, where it was made by a {@link Slice}. */
  readonly index: number;
  readonly problem: Problem;
  /** Made smaller where the time allowed. */
  readonly input: Uint8Array;
}

/** What a slice came to. */
export interface SliceResult {
  readonly inputs: number;
  readonly accepted: number;
  /** How often what was accepted was run, where the target counts that. */
  readonly runs: number;
  readonly slowest: number;
  /** The number of that input. */
  readonly slowestIndex: number;
  /** Bytes of memory that one input took at most. */
  readonly largest: number;
  /** How often bugs were met that were known before. */
  readonly repeated: number;
}

/** What a slice tells while it runs. */
export interface Watcher {
  /** Called before each input, and before it is run again. */
  started(index: number): void;
  /** An input is now being made smaller: that takes a while. */
  minimising(): void;
  found(finding: Finding): void;
}

/** The input with this number. */
export function inputOf(
  target: Target,
  corpus: readonly Uint8Array[],
  seed: number,
  index: number,
): Uint8Array {
  return target.mutate(new Random(seed, target.name, index), corpus);
}

/** Runs a slice. `known` holds the signatures of bugs that are not to be told again, and grows. */
export function runSlice(
  target: Target,
  corpus: readonly Uint8Array[],
  slice: Slice,
  known: Set<string>,
  watcher: Watcher,
): SliceResult {
  const end = performance.now() + slice.milliseconds;
  const result = {
    inputs: 0,
    accepted: 0,
    runs: 0,
    slowest: 0,
    slowestIndex: slice.from,
    largest: 0,
    repeated: 0,
  };
  // Stacks cost more than most inputs; an input with a problem is run again to get one.
  Error.stackTraceLimit = 0;
  for (let index = slice.from; result.inputs < slice.count && performance.now() < end; index++) {
    watcher.started(index);
    const input = inputOf(target, corpus, slice.seed, index);
    const before = memoryInUse();
    const runsBefore = target.runs ?? 0;
    const { accepted, milliseconds, problem } = judge(target, input);
    const taken = memoryInUse() - before;
    result.inputs++;
    result.runs += (target.runs ?? 0) - runsBefore;
    if (accepted) result.accepted++;
    result.largest = Math.max(result.largest, taken);
    const time =
      milliseconds <= limitOf(target)
        ? milliseconds
        : again(milliseconds, () => {
            watcher.started(index);
            return judge(target, input).milliseconds;
          });
    if (time > result.slowest) {
      result.slowest = time;
      result.slowestIndex = index;
    }
    const trouble =
      problem === undefined ? resourceTrouble(target, time, taken) : explain(target, input, problem);
    if (trouble === undefined) continue;
    if (known.has(trouble.signature)) {
      result.repeated++;
      continue;
    }
    known.add(trouble.signature);
    watcher.minimising();
    watcher.found({
      target: target.name,
      index,
      problem: trouble,
      input: minimise(
        input,
        (candidate) => sameTrouble(target, candidate, trouble),
        performance.now() + MINIMISING,
      ),
    });
  }
  return result;
}

function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function limitOf({ milliseconds }: Target): number {
  return milliseconds ?? LIMITS.milliseconds;
}

function resourceTrouble(target: Target, time: number, taken: number): Problem | undefined {
  if (time > limitOf(target)) return resourceProblem("time", `took ${Math.round(time)} ms`);
  if (taken > LIMITS.bytes) return resourceProblem("memory", `took ${taken >> 20} MiB`);
  return undefined;
}

/** The least of three runs: others use the machine too. */
function again(first: number, run: () => number): number {
  return Math.min(first, run(), run());
}

/** The problem again, with the place in the source. */
function explain(target: Target, input: Uint8Array, problem: Problem): Problem {
  Error.stackTraceLimit = STACK;
  const again = judge(target, input).problem;
  Error.stackTraceLimit = 0;
  return again ?? { ...problem, description: `${problem.description}\n(not seen when run again)` };
}

function sameTrouble(target: Target, candidate: Uint8Array, trouble: Problem): boolean {
  Error.stackTraceLimit = STACK;
  const before = memoryInUse();
  const { milliseconds, problem } = judge(target, candidate);
  const again = problem ?? resourceTrouble(target, milliseconds, memoryInUse() - before);
  Error.stackTraceLimit = 0;
  return again?.signature === trouble.signature;
}
