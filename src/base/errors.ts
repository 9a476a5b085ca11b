/**
 * The root of every error that tsbpf throws on purpose. Anything else that escapes is a bug of ours.
 *
 * Messages read as a path from the outermost thing to the cause (`object flow.bpf.o: section .BTF: …`) and
 * say "expected X, got Y". `cause` holds the error underneath, where there is one.
 */
export class TsbpfError extends Error {
  override name = "TsbpfError";
}

/** Bytes that are not what their format says. */
export class FormatError extends TsbpfError {
  override name = "FormatError";
  /** The part of the file: `"ELF section headers"`. */
  readonly what: string;
  /** Offset in bytes inside that part, where the problem is. */
  readonly offset: number;
  readonly problem: string;

  constructor(what: string, offset: number, problem: string, options?: ErrorOptions) {
    super(`${what}: offset ${offset}: ${problem}`, options);
    this.what = what;
    this.offset = offset;
    this.problem = problem;
  }
}

/** Something real that this kernel, this version or this build of tsbpf does not offer. */
export class NotSupported extends TsbpfError {
  override name = "NotSupported";
  readonly feature: string;
  /** The Linux version that brought it (`"5.2"`), where that is what is missing. */
  readonly since: string | undefined;

  constructor(feature: string, options: { since?: string; why?: string; cause?: unknown } = {}) {
    const since = options.since === undefined ? "" : ` (since Linux ${options.since})`;
    super(
      `${feature} is not supported${since}${options.why === undefined ? "" : `: ${options.why}`}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.feature = feature;
    this.since = options.since;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
