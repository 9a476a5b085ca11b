import type { CaseOutcome, VerifierCase } from "./verifier-case.ts";

/** `log_level` bits: `BPF_LOG_LEVEL1`, `BPF_LOG_LEVEL2`, `BPF_LOG_STATS`. */
export const LogLevel = { one: 1, two: 2, stats: 4 } as const;

/** What a verifier says to a case: nothing of it is masked yet. */
export interface VerifierAnswer {
  /** 0: accepted. */
  readonly errno: number;
  readonly log: string;
  /** After fixups for linux-x86_64; null where rejected, or not asked for. */
  readonly xlated: Uint8Array | null;
  /** One for each of the case's runs, where they were asked for and the program was accepted. */
  readonly runs: readonly CaseOutcome[];
  /** Why an accepted program could not be run, where it could not. */
  readonly notRun?: string;
}

export interface VerifierQuestion {
  /** Bits of {@link LogLevel}. */
  readonly logLevel: number;
  /** Bytes of room for the log, where it is known to be short. */
  readonly logSize?: number;
  readonly xlated?: boolean;
  readonly runs?: boolean;
}

/**
 * A verifier under test: the live kernel's, or ours. A case that it cannot take at all throws; the error's message
 * becomes the case's class.
 */
export interface CaseVerifier {
  readonly name: string;
  /** Whether it can say anything to a case: a kernel may let nobody load with such rights. Always where absent. */
  takes?(test: VerifierCase): boolean;
  verify(test: VerifierCase, question: VerifierQuestion): VerifierAnswer | Promise<VerifierAnswer>;
  close(): void;
}
