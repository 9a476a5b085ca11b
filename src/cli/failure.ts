import { TsbpfError } from "../base/index.ts";

/** The status of a command line that failed, unless something better is known: bpftool's -1. */
export const FAILED = 255;

/** A command that ends with a message: `Error: MESSAGE` on standard error, or `{"error":"MESSAGE"}` with -j. */
export class CommandError extends TsbpfError {
  override name = "CommandError";
  /** The exit status. */
  readonly status: number;
  /** Whether the usage of the command is shown below the message. */
  readonly usage: boolean;

  constructor(
    message: string,
    options: { readonly status?: number; readonly usage?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status ?? FAILED;
    this.usage = options.usage ?? false;
  }
}

/** A word too few, or one that makes no sense where it stands: the usage is shown below the message. */
export class UsageError extends CommandError {
  override name = "UsageError";

  constructor(message: string) {
    super(message, { usage: true });
  }
}

/** What an operating system says about a file. */
export class FileError extends TsbpfError {
  override name = "FileError";
  readonly path: string;
  /** `"ENOENT"`. */
  readonly code: string;
  /** Positive; 0 where there is no number. */
  readonly errno: number;
  /** `"No such file or directory"`. */
  readonly reason: string;

  constructor(path: string, code: string, errno: number, reason: string) {
    super(`${path}: ${reason}`);
    this.path = path;
    this.code = code;
    this.errno = errno;
    this.reason = reason;
  }
}

/** Nobody reads an output any more (EPIPE): no failure of the command, and nothing to say. */
export class OutputClosed extends TsbpfError {
  override name = "OutputClosed";

  constructor() {
    super("the output is closed");
  }
}
