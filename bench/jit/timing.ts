import type { Contender, EngineName } from "./contender.ts";

/** How long a slice of one engine is, in nanoseconds. */
const SLICE = 1e6;
/** Of the rounds, the share that are faster than the time told: what disturbed the others is not the program's. */
const QUANTILE = 0.2;
const SINGLE_RUNS = 31;
const MOST_RUNS = 1_000_000;

export interface TimingOptions {
  readonly rounds: number;
  /** How long each engine runs before anything counts, in milliseconds: its compiler works beside. */
  readonly warmUp: number;
}

/**
 * Nanoseconds that one run takes with each engine. All take turns in slices of a millisecond, in another order each
 * round. What asking for runs costs is not in it: Linux leaves it out itself, for the others it is known from asking
 * for a single run.
 */
export function timesOf(
  contenders: readonly Contender[],
  packet: Uint8Array,
  { rounds, warmUp }: TimingOptions,
): Map<EngineName, number> {
  const slices = contenders.map((contender) => new Slice(contender, packet, warmUp));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < slices.length; i++) slices[(round + i) % slices.length]!.measure();
  }
  return new Map(slices.map(({ contender, time }) => [contender.engine, time]));
}

/** So many runs of an engine that they take a millisecond, and what they took. */
class Slice {
  readonly contender: Contender;
  readonly #packet: Uint8Array;
  readonly #count: number;
  /** Nanoseconds of asking for one run, the run itself included. */
  readonly #asking: number;
  readonly #times: number[] = [];

  constructor(contender: Contender, packet: Uint8Array, warmUp: number) {
    this.contender = contender;
    this.#packet = packet;
    this.#count = this.#calibrate(warmUp);
    const single = Array.from({ length: SINGLE_RUNS }, () => this.#wall(1));
    this.#asking = quantileOf(single, QUANTILE);
  }

  measure(): void {
    const count = this.#count;
    const own = this.contender.time(this.#packet, count);
    const time = own === null ? (this.#wall(count) - this.#asking) / (count - 1) : own / count;
    this.#times.push(time);
  }

  get time(): number {
    return Math.max(0, quantileOf(this.#times, QUANTILE));
  }

  #calibrate(warmUp: number): number {
    const time = (count: number) => this.contender.time(this.#packet, count) ?? this.#wall(count);
    const end = performance.now() + warmUp;
    let count = 2;
    let slice = 0;
    do {
      slice = time(count);
      if (slice < SLICE / 2) count = Math.min(8 * count, MOST_RUNS);
    } while (performance.now() < end || (slice < SLICE / 2 && count < MOST_RUNS));
    const wanted = Math.round((SLICE * count) / Math.max(1, time(count)));
    return Math.min(MOST_RUNS, Math.max(2, wanted));
  }

  #wall(count: number): number {
    const start = process.hrtime.bigint();
    this.contender.run(this.#packet, count);
    return Number(process.hrtime.bigint() - start);
  }
}

/** The value that the share `quantile` of all is not above. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(quantile * (sorted.length - 1))] ?? Number.NaN;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
