import { createContext, runInContext } from "node:vm";

const NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Milliseconds after the command's end before what still holds the process is given up. */
const GRACE = 100;

/** Ctrl-C and other requests to end, as an AbortSignal. Until it is asked for, they end the process at once. */
export class Interrupts {
  #controller: AbortController | undefined;
  readonly #handlers = new Map<keyof typeof NUMBERS, () => void>();
  #came: NodeJS.Signals | undefined;
  /** Where scripts of {@link interruptible} are evaluated: made once, for it takes as long as a small program. */
  #evaluated: Record<string, unknown> | undefined;

  /** 128 and the number of the signal that came; undefined before. */
  get status(): number | undefined {
    return this.#came === undefined ? undefined : 128 + NUMBERS[this.#came as keyof typeof NUMBERS];
  }

  signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
      this.#handlers.set(name, () => {
        // The second one means it.
        if (controller.signal.aborted) die(name);
        this.#take(name);
      });
    }
    this.#listen();
    return controller.signal;
  }

  /**
   * Runs `act`, which Ctrl-C ends wherever it is, without its `finally` blocks; then gives null. Other requests to end
   * would have to wait until it is done: meanwhile they end the process.
   */
  interruptible<T>(act: () => T): T | null {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    try {
      // Node watches for the signal on a thread of its own only while it evaluates a script.
      this.#evaluated ??= createContext({});
      this.#evaluated["act"] = act;
      return runInContext("act()", this.#evaluated, { breakOnSigint: true });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_INTERRUPTED") throw error;
      this.#take("SIGINT");
      return null;
    } finally {
      this.#listen();
    }
  }

  #listen(): void {
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  #take(name: NodeJS.Signals): void {
    this.#came = name;
    this.#controller?.abort(name);
  }

  /**
   * After an interrupted command: the process ends by itself, unless a system call holds it that cannot be cancelled
   * (the opening of a named pipe that nobody writes to); then the signal ends it.
   */
  leave(): void {
    const came = this.#came;
    if (came !== undefined) setTimeout(() => die(came), GRACE).unref();
  }
}

/** Ends the process as the signal would have: process.exit() waits for threads, this does not. */
function die(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
