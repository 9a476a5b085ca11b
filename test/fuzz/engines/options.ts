import { parseArgs } from "node:util";

export interface EngineFuzzOptions {
  readonly seed: number;
  /** When to stop; Infinity where only the count ends the run. */
  readonly seconds: number;
  readonly count: number;
  /** Number of the first program. */
  readonly from: number;
  readonly live: boolean;
  /** Programs that no verifier would let pass, on engines that test every access. */
  readonly wild: boolean;
  readonly jobs: number;
  readonly runs: number;
  /** A file, or a program's number, to run instead. */
  readonly replay: string | undefined;
  readonly show: number | undefined;
  readonly out: string;
  /** Whether the report says how many programs have what. */
  readonly stats: boolean;
}

const DEFAULT_SECONDS = 60;

export const USAGE = `usage: npm run fuzz -- engines [--seed N] [--seconds N] [--count N] [--from N] [--runs N] [--jobs N] [--live|--wild] [--stats] [--out FOLDER]
       npm run fuzz -- engines --replay FILE|INDEX [--seed N] [--live|--wild]    what engines say to one program
       npm run fuzz -- engines --show INDEX [--seed N] [--live|--wild]           the program
Runs random programs, each on --runs (10) inputs, on the interpreter, on both tiers of the JIT and on the JIT in checked
mode, and compares r0, faults, packets, registers, stacks and all maps; --live: and with the running kernel (Linux 6.18,
as root). --wild: programs that no verifier would let pass, on engines that test every access. --stats: also says how
many of the programs have what. Works in --jobs (1) processes that are replaced after some thousand programs. What
differs is made small and kept as a case in FOLDER (.cache/fuzz/engines). Exit code: 0 no differences, 1 some, 2 cannot.
`;

/** The options; what is wrong with the arguments; or, where help is wanted, an empty text. */
export function optionsOf(argv: readonly string[]): EngineFuzzOptions | string {
  const parsed = parse(argv);
  if (typeof parsed === "string") return parsed;
  const { help, live, wild, stats, replay, out, ...numbers } = parsed;
  if (help === true) return "";
  if (live === true && wild === true) return "--live and --wild: expected one of them";
  for (const [name, text] of Object.entries(numbers)) {
    if (text !== undefined && !/^\d+$/.test(text)) return `--${name}: expected a whole number, got '${text}'`;
  }
  const number = (text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : Number(text);
  return {
    seed: number(numbers.seed, 1),
    seconds: number(numbers.seconds, numbers.count === undefined ? DEFAULT_SECONDS : Infinity),
    count: number(numbers.count, Infinity),
    from: number(numbers.from, 0),
    jobs: Math.max(1, number(numbers.jobs, 1)),
    runs: Math.max(1, number(numbers.runs, 10)),
    live: live === true,
    wild: wild === true,
    replay,
    show: numbers.show === undefined ? undefined : Number(numbers.show),
    stats: stats === true,
    out: out ?? ".cache/fuzz/engines",
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seed: { type: "string" },
        seconds: { type: "string" },
        count: { type: "string" },
        from: { type: "string" },
        runs: { type: "string" },
        jobs: { type: "string" },
        show: { type: "string" },
        live: { type: "boolean" },
        stats: { type: "boolean" },
        wild: { type: "boolean" },
        replay: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return (error as Error).message;
  }
}
