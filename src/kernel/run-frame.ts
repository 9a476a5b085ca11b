import type { Session } from "../helpers/index.ts";
import type { PerfEvent } from "./perf/perf-event.ts";

/** What a run is part of, beside its context: what some helpers tell programs, and leave for their caller. */
export interface RunFrame {
  /** What the attacher told the program apart by. */
  readonly cookie: bigint;
  /** The function or instruction that was probed; 0n for other events. */
  readonly ip: bigint;
  /** Registers of the task that runs, as an offset; 0 where nobody knows them. */
  readonly regs: number;
  /** The function that was traced has given a result (`bpf_get_func_ret`). */
  readonly hasResult: boolean;
  /** The program runs where a function is entered, and again where it is left; null: it does not. */
  readonly session: Session | null;
  /** The perf event that it is a program of. */
  readonly event: PerfEvent | null;
  /** Addresses of the functions that led here, the innermost first; undefined: those of a test run. */
  readonly chain?: (user: boolean) => readonly bigint[];
  /** What the probed function is to return instead of running (`bpf_override_return`); null: it runs. */
  override: bigint | null;
  /** What the hook of a control group gives its caller (`bpf_set_retval`). */
  retval: number;
}

/** A frame of a run that is no more than what is told here. */
export function runFrame(parts: Partial<RunFrame> = {}): RunFrame {
  return {
    cookie: 0n,
    ip: 0n,
    regs: 0,
    hasResult: false,
    session: null,
    event: null,
    override: null,
    retval: 0,
    ...parts,
  };
}
