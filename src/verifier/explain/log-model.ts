/** Where an instruction comes from, as the log says it. */
export interface LogSource {
  readonly text: string;
  /** Name without folders; null in logs of kernels before 6.4, which do not tell. */
  readonly file: string | null;
  readonly line: number | null;
}

/** An instruction that the verifier went through: one line of a log. */
export interface LogStep {
  /** Slot in the program. */
  readonly index: number;
  /** As the kernel prints it: `"r1 = *(u32 *)(r7 +112)"`. */
  readonly text: string;
  readonly source: LogSource | null;
  /** Depth of calls; 0 in the entry function. */
  readonly frame: number;
  /** What is known behind it of registers and stack slots that changed: `"R0" → "map_value_or_null(id=1,ks=4,vs=8)"`. */
  readonly after: ReadonlyMap<string, string>;
  /** Where a path begins that was put aside before: the instruction it branched off from; else null. */
  readonly from: number | null;
  /** All that is known before it, where the log says it. */
  readonly before: ReadonlyMap<string, string> | null;
}

/** A verifier's log, taken apart. */
export interface ParsedLog {
  readonly steps: readonly LogStep[];
  /** What the verifier complained about: the lines at the end that belong to no instruction. */
  readonly messages: readonly string[];
  /** `processed N insns …`, where it is there. */
  readonly processed: number | null;
  /** The program was accepted, as far as the log tells. */
  readonly accepted: boolean;
  /** The log's beginning, or end, is missing: the buffer was too small. */
  readonly truncated: boolean;
}
