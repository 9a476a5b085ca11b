import { parseArgs } from "node:util";
import { TARGETS } from "./targets/index.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** When to stop; Infinity where only the count ends the run. */
  readonly seconds: number;
  /** Inputs in all; Infinity where only the time ends the run. */
  readonly count: number;
  readonly targets: readonly string[];
  /** A file, or the number of an input, to run instead. */
  readonly replay: string | undefined;
  /** Folder for what is found. */
  readonly out: string;
}

const DEFAULT_SECONDS = 60;

export const USAGE = `usage: npm run fuzz -- [--seconds N] [--count N] [--seed N] [--target NAME]… [--out FOLDER]
       npm run fuzz -- --replay FILE|INPUT_NUMBER --target NAME [--seed N]
       npm run fuzz -- verifier …   random programs, judged by the running kernel and by ours (--help says more)
       npm run fuzz -- engines …    random programs on all engines, and on the running kernel (--help says more)
Feeds mutated inputs to everything that reads bytes of strangers, ${DEFAULT_SECONDS} seconds long by default.
Input number I of a target follows from the seed, I and the corpus (testdata, and ../shared where it is present).
Exit code: 0 nothing found, 1 findings, 2 wrong arguments.
targets: ${TARGETS.map((target) => target.name).join(" ")}
`;

/** The options, or what is wrong with the arguments. */
export function optionsOf(argv: readonly string[]): FuzzOptions | string {
  const parsed = parse(argv);
  if (typeof parsed === "string") return parsed;
  const { seed, seconds, count, target = [], replay, out = ".cache/fuzz", help } = parsed;
  if (help === true) return "";
  for (const name of target) {
    if (!TARGETS.some((known) => known.name === name)) return `there is no target '${name}'`;
  }
  if (replay !== undefined && target.length !== 1) return "--replay needs one --target";
  for (const [name, text] of Object.entries({ seed, seconds, count })) {
    if (text !== undefined && !/^\d+$/.test(text)) return `--${name}: expected a whole number, got '${text}'`;
  }
  return {
    seed: seed === undefined ? 1 : Number(seed),
    seconds: seconds !== undefined ? Number(seconds) : count === undefined ? DEFAULT_SECONDS : Infinity,
    count: count === undefined ? Infinity : Number(count),
    targets: target.length > 0 ? target : TARGETS.map(({ name }) => name),
    replay,
    out,
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
        target: { type: "string", multiple: true },
        replay: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return (error as Error).message;
  }
}
