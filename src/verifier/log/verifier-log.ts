import type { LogSink } from "../environment/request.ts";

export const LogLevel = { LEVEL1: 1, LEVEL2: 2, STATS: 4, FIXED: 8, LEVEL: 3 } as const;

/** The log with what its layout depends on: `struct bpf_verifier_log` and the positions that `env` keeps. */
export class VerifierLog {
  readonly #sink: LogSink;
  /** Where the last instruction's line, or state, ended: states go behind it, if nothing came in between. */
  prevLogPos = 0;
  /** How long the last instruction's line was, without its end. */
  prevInsnPrintPos = 0;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  /** `BPF_LOG_LEVEL1` or 2. */
  get perInstruction(): boolean {
    return (this.#sink.level & LogLevel.LEVEL) !== 0;
  }

  get level2(): boolean {
    return (this.#sink.level & LogLevel.LEVEL2) !== 0;
  }

  get stats(): boolean {
    return (this.#sink.level & LogLevel.STATS) !== 0;
  }

  get enabled(): boolean {
    return this.#sink.level !== 0;
  }

  get position(): number {
    return this.#sink.position;
  }

  reset(position: number): void {
    this.#sink.reset(position);
  }

  /** `verbose`: adds text. Line ends are the caller's. */
  write(text: string): void {
    if (this.#sink.level !== 0) this.#sink.write(text);
  }
}
