import { BpfUpdateFlag, Errno } from "../../src/uapi/index.ts";

/** Operations on one key: what was done, with what result, and between which moments. */
export interface Operation {
  readonly kind: "lookup" | "update" | "delete";
  /** Who did it: no two operations of one process overlap. */
  readonly process: number;
  readonly key: number;
  /** Of an update: the value that it writes. */
  readonly value: number;
  /** Of an update. */
  readonly flags: number;
  /** An errno; of a look-up the value, {@link ABSENT} or {@link SOMETHING}. */
  readonly result: number;
  /** Moments of one clock: no two are the same. */
  readonly start: number;
  readonly end: number;
}

/** Results of a look-up: nothing was there, or a value that could not be read in one piece with it. */
export const ABSENT = -1;
export const SOMETHING = -2;

/** Words of an operation in a log. */
export const LOG_WORDS = 7;

const KINDS = ["lookup", "update", "delete"] as const;

export const OperationCode = { LOOKUP: 0, UPDATE: 1, DELETE: 2 } as const;

/** Reads a process's log: kind, key, value, flags, result, start, end. */
export function readLog(process: number, log: Int32Array): Operation[] {
  return Array.from({ length: log.length / LOG_WORDS }, (_, i) => {
    const [kind, key, value, flags, result, start, end] = log.subarray(i * LOG_WORDS, (i + 1) * LOG_WORDS);
    return {
      kind: KINDS[kind!]!,
      process,
      key: key!,
      value: value!,
      flags: flags!,
      result: result!,
      start: start!,
      end: end!,
    };
  });
}

/** What an element may be: its value for each process (the same for all, where values are shared), or nothing. */
export type Register = readonly number[] | null;

/** What a map of one key does. */
export interface RegisterRules {
  /** Each process has a value of its own (per-CPU maps): those of the others are 0 in a new element. */
  readonly own: boolean;
  /** Processes; one where values are shared. */
  readonly values: number;
  /** The map evicts: an element may be gone at any moment. */
  readonly evicts: boolean;
}

/** The element after an operation; undefined where it cannot have had its result. */
export function apply(rules: RegisterRules, register: Register, operation: Operation): Register | undefined {
  const { kind, process, value, flags, result } = operation;
  const place = rules.own ? process : 0;
  if (kind === "lookup") {
    if (register === null) return result === ABSENT ? register : undefined;
    return result === SOMETHING || result === register[place] ? register : undefined;
  }
  if (kind === "delete") {
    if (register === null) return result === -Errno.ENOENT ? null : undefined;
    return result === 0 ? null : undefined;
  }
  // All elements may be in other hands for a moment, as in Linux.
  if (rules.evicts && result === -Errno.ENOMEM) return register;
  if (register !== null && flags === BpfUpdateFlag.NOEXIST)
    return result === -Errno.EEXIST ? register : undefined;
  if (register === null && flags === BpfUpdateFlag.EXIST) return result === -Errno.ENOENT ? null : undefined;
  if (result !== 0) return undefined;
  const before = register ?? new Array<number>(rules.values).fill(0);
  return before.map((each, at) => (at === place ? value : each));
}
