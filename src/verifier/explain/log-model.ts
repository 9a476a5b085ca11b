/** Where an instruction comes from, as the log says it. */
export interface LogSource {
  readonly text: string;
  /** Name without folders; null in logs of kernels before 6.4, which do not tell. */
  readonly file: string | null;
  readonly line: number | null;
  /** From 1; null where nothing tells: logs do not. */
  readonly column: number | null;
  /** Where in `text`, which has no indentation, the column is: from 0. Absent where the column is null. */
  readonly offset?: number;
}

/** An instruction that the verifier went through: one line of a log. */
export interface LogStep {
  /** Slot in the program. */
  readonly index: number;
  /** As the kernel prints it: `"r1 = *(u32 *)(r7 +112)"`. */
  readonly text: string;
  /** Its first byte; null where the log does not show it. */
  readonly opcode: number | null;
  readonly source: LogSource | null;
  /** Depth of calls in front of it; 0 in the entry function. */
  readonly frame: number;
  /** What is known behind it of registers and stack slots that changed: `"R0" → "map_value_or_null(id=1,ks=4,vs=8)"`. */
  readonly after: ReadonlyMap<string, string>;
  /** Where a path begins that was put aside before: the instruction it branched off from; else null. */
  readonly from: number | null;
  /** The path that begins here is one that a CPU only guesses: followed for loaders without CAP_PERFMON. */
  readonly speculative?: true;
  /** A function is verified on its own from here on: no step of the log came before it. */
  readonly begins?: true;
  /** All that is known before it, where the log says it. */
  readonly before: ReadonlyMap<string, string> | null;
}

/** The report that kernels from 7.3 on write behind their message (kernel/bpf/diagnostics.c). */
export interface LogReport {
  /** `"Register Type Safety"`. */
  readonly category: string;
  /** `"Invalid dereference"`. */
  readonly problem: string;
  readonly reason: string;
  readonly suggestion: string;
  readonly at: ReportPlace | null;
  /** The causal path, oldest first. */
  readonly events: readonly ReportPlace[];
}

/** A place in a report with what is said of it. */
export interface ReportPlace {
  readonly index: number;
  readonly text: string;
  readonly source: LogSource | null;
  /** `"error"`, `"update"`, `"invalidated"`, `"acquired"`, `"branch"` … */
  readonly label: string;
  readonly words: string;
}

/** A verifier's log, taken apart. */
export interface ParsedLog {
  readonly steps: readonly LogStep[];
  /** First slots of the functions, the entry function first; empty where the log does not list them (level 2 does). */
  readonly functions: readonly number[];
  /** Bytes of stack of each function, in the same order, where the log has statistics. */
  readonly stackDepths: readonly number[];
  /** The whole program by slot, from the table of live registers (6.16 on); empty where there is none. */
  readonly program: ReadonlyMap<number, string>;
  /** What the verifier complained about: the lines at the end that belong to no instruction. */
  readonly messages: readonly string[];
  readonly report: LogReport | null;
  /** `processed N insns …`, where it is there. */
  readonly processed: number | null;
  /** The program was accepted, as far as the log tells. */
  readonly accepted: boolean;
  /** The log's beginning is missing: the buffer was too small, or someone cut it off. */
  readonly truncated: boolean;
}
