const NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Ctrl-C and other requests to end, as an AbortSignal. Until it is asked for, they end the process at once. */
export class Interrupts {
  #controller: AbortController | undefined;
  /** 128 and the number of the signal that came; undefined before. */
  status: number | undefined;

  signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    for (const [name, number] of Object.entries(NUMBERS)) {
      process.on(name as NodeJS.Signals, () => {
        // The second one means it.
        if (controller.signal.aborted) process.exit(128 + number);
        this.status = 128 + number;
        controller.abort(name);
      });
    }
    return controller.signal;
  }
}
