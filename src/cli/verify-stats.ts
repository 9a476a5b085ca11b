import type { LineRecord } from "../verifier/index.ts";

/** What loading a program gave. */
export interface Loaded {
  readonly accepted: boolean;
  /** Why it was not verified; null where it was. */
  readonly problem: string | null;
  readonly log: string;
  /** Instructions of the program behind the verifier's fixups. */
  readonly fixed: number;
}

/** What a source line cost. */
export interface LineCost {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** How often the verifier went through its instructions, all together. */
  readonly visits: number;
  /** Paths that went on from here later: where there are many, states multiply. */
  readonly branches: number;
}

/** What a verification cost. */
export interface VerificationCost {
  readonly processed: number;
  /** Of what the kernel allows a program. */
  readonly limit: number;
  readonly states: number;
  readonly peakStates: number;
  readonly maxStatesPerInsn: number;
  /** Bytes that each function uses, the entry function first. */
  readonly stack: readonly number[];
  /** Behind fixups; null where the program is refused: it gets none. */
  readonly insns: number | null;
  /** The dearest first; null where the log of all paths would be too long. */
  readonly lines: readonly LineCost[] | null;
  /** What `lines` counts: all that was gone through, or the path alone on which the verifier gave up. */
  readonly counted: "all" | "path";
}

/** Reads the cost off the logs: that of the statistics, and that of all paths, or of one. */
export function verificationCost(
  loaded: Loaded,
  trace: string | null,
  records: readonly LineRecord[],
  counted: VerificationCost["counted"] = "all",
): VerificationCost {
  const numbers =
    /^processed (\d+) insns \(limit (\d+)\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+)/m.exec(
      loaded.log,
    ) ?? [];
  const [, processed, limit, maxStatesPerInsn, states, peakStates] = numbers.map(Number);
  const stack = /^stack depth (\S+)/m.exec(loaded.log)?.[1] ?? "";
  return {
    processed: processed ?? 0,
    limit: limit ?? 0,
    states: states ?? 0,
    peakStates: peakStates ?? 0,
    maxStatesPerInsn: maxStatesPerInsn ?? 0,
    stack: stack === "" ? [] : stack.split("+").map(Number),
    insns: loaded.accepted ? loaded.fixed : null,
    counted,
    lines: trace === null ? null : lineCosts(trace, records),
  };
}

type Cost = { -readonly [Member in keyof LineCost]: LineCost[Member] };

const VISIT = /^(\d+): (?:\([0-9a-f]{2}\) |safe$)/;
const PATH = /^from (\d+) to (\d+)(?: \(speculative execution\))?:( safe$)?/;

function lineCosts(trace: string, records: readonly LineRecord[]): readonly LineCost[] {
  const costs = new Map<string, Cost>();
  // A log has a great many lines, and the same slots again and again.
  const bySlot = new Map<number, Cost>();
  const costAt = (slot: number): Cost => {
    let cost = bySlot.get(slot);
    if (cost === undefined) {
      cost = costOf(slot);
      bySlot.set(slot, cost);
    }
    return cost;
  };
  const costOf = (slot: number): Cost => {
    // Code of no line (number 0) belongs to the line before it.
    const record = records.findLast((each) => each.slot <= slot && each.lineNumber > 0);
    if (record === undefined) return { file: "", line: 0, text: "", visits: 0, branches: 0 };
    const { file, lineNumber: line } = record;
    const key = `${file}:${line}`;
    const cost = costs.get(key) ?? { file, line, text: record.line.trim(), visits: 0, branches: 0 };
    costs.set(key, cost);
    return cost;
  };
  for (const line of trace.split("\n")) {
    // An instruction that is gone through, or one where the path meets what is known to be safe.
    const visit = VISIT.exec(line);
    if (visit !== null) costAt(Number(visit[1])).visits++;
    const path = PATH.exec(line);
    if (path === null) continue;
    costAt(Number(path[1])).branches++;
    if (path[3] !== undefined) costAt(Number(path[2])).visits++;
  }
  return [...costs.values()].sort((one, other) => other.visits - one.visits || one.line - other.line);
}
