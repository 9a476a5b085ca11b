import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { type Output, OutputClosed } from "../cli/index.ts";
import { fileError } from "./file-error.ts";

const BUFFER = 1 << 16;
/** Milliseconds between attempts at a pipe that is full and does not block. */
const RETRY = 2;
const DEFAULT_COLUMNS = 80;

/**
 * Standard output or error, written to synchronously: a write that returned is with the operating system, a slow reader
 * slows the command down, and a full disk or a closed pipe is an error of the write itself. It also spares the start of
 * Node's streams.
 */
export class FdOutput implements Output {
  readonly #fd: number;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #before: FdOutput | undefined;
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #used = 0;
  #isTerminal: boolean | undefined;

  /** `before`: what was written there is written out first. */
  constructor(fd: number, env: Readonly<Record<string, string | undefined>>, before?: FdOutput) {
    this.#fd = fd;
    this.#env = env;
    this.#before = before;
  }

  get isTerminal(): boolean {
    return (this.#isTerminal ??= isatty(this.#fd));
  }

  get columns(): number {
    if (!this.isTerminal) return DEFAULT_COLUMNS;
    const stream = this.#fd === 2 ? process.stderr : process.stdout;
    return stream.columns > 0 ? stream.columns : DEFAULT_COLUMNS;
  }

  get colour(): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = this.#env;
    if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
    if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
    return this.isTerminal && TERM !== "dumb";
  }

  write(data: Uint8Array | string): void {
    if (this.#before !== undefined) this.#before.flush();
    if (typeof data === "string") {
      // A character of UTF-16 has at most three bytes.
      if (data.length * 3 > BUFFER - this.#used) this.flush();
      if (data.length * 3 > BUFFER) this.#put(Buffer.from(data));
      else this.#used += this.#buffer.write(data, this.#used);
    } else {
      if (data.length > BUFFER - this.#used) this.flush();
      if (data.length > BUFFER) this.#put(data);
      else {
        this.#buffer.set(data, this.#used);
        this.#used += data.length;
      }
    }
    if (this.#fd === 2) this.flush();
  }

  async drain(): Promise<void> {
    this.flush();
  }

  flush(): void {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    // Also where it fails: what could not be written once is not tried again.
    this.#used = 0;
    this.#put(bytes);
  }

  #put(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at, bytes.length - at);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY);
          continue;
        }
        if (code === "EPIPE") throw new OutputClosed();
        throw fileError(error, this.#fd === 1 ? "standard output" : "standard error");
      }
    }
  }
}
