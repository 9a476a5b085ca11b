/** One way to do the work of a benchmark: ours, or a peer's. */
export interface Candidate {
  readonly name: string;
  /** Does the work of one round, and gives how many operations that was. */
  readonly run: () => number;
}

/** A candidate that cannot run here. */
export interface Absent {
  readonly name: string;
  readonly absent: string;
}

/** Work that one or more candidates do; the first is ours, the others are compared with it. */
export interface Benchmark {
  readonly name: string;
  /** What an operation is: `"slot"`, `"packet"`. */
  readonly operation: string;
  /** Made only when the benchmark is run. */
  candidates(): readonly (Candidate | Absent)[];
}

/** Of all rounds: the middle value, and both ends. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Measured {
  readonly name: string;
  /** Nanoseconds for an operation; null where the candidate is absent. */
  readonly time: Spread | null;
  /** Its time in that of the first candidate, round by round; null for the first itself. */
  readonly ratio: Spread | null;
  readonly absent: string | null;
}

export interface BenchmarkResult {
  readonly name: string;
  readonly operation: string;
  readonly rounds: number;
  readonly candidates: readonly Measured[];
}

export interface MeasureOptions {
  readonly rounds: number;
  /** How long each candidate runs before the first round, at least. */
  readonly warmUp: number;
}

/**
 * Measures all candidates in turns, so that what else the machine does meets all of them: each round runs every
 * candidate once, in another order than the round before.
 */
export function measure(benchmark: Benchmark, options: MeasureOptions): BenchmarkResult {
  const all = benchmark.candidates();
  const present = all.filter((candidate): candidate is Candidate => !("absent" in candidate));
  for (const candidate of present) warmUp(candidate, options.warmUp);
  const times = new Map<Candidate, number[]>(present.map((candidate) => [candidate, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (let i = 0; i < present.length; i++) {
      const candidate = present[(round + i) % present.length]!;
      times.get(candidate)!.push(timeOf(candidate));
    }
  }
  const first = all[0]!;
  const reference = "absent" in first ? undefined : times.get(first);
  return {
    name: benchmark.name,
    operation: benchmark.operation,
    rounds: options.rounds,
    candidates: all.map((candidate) => {
      if ("absent" in candidate) {
        return { name: candidate.name, time: null, ratio: null, absent: candidate.absent };
      }
      const own = times.get(candidate)!;
      const ratios =
        reference === undefined || own === reference
          ? null
          : reference.map((time, round) => time / own[round]!);
      return {
        name: candidate.name,
        time: spreadOf(own),
        ratio: ratios === null ? null : spreadOf(ratios),
        absent: null,
      };
    }),
  };
}

function warmUp(candidate: Candidate, milliseconds: number): void {
  const end = performance.now() + milliseconds;
  do candidate.run();
  while (performance.now() < end);
}

function timeOf(candidate: Candidate): number {
  const start = process.hrtime.bigint();
  const operations = candidate.run();
  return Number(process.hrtime.bigint() - start) / operations;
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted[sorted.length - 1]! };
}
