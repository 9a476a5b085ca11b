/** Those who wait for something that programs do: each looks again when one has run. */
export class Events {
  readonly #waiting = new Set<() => void>();

  /** A program has run. */
  happened(): void {
    for (const look of [...this.#waiting]) look();
  }

  /**
   * Waits until a look finds something.
   *
   * @param timeout in milliseconds; -1 for ever.
   * @returns what it found; nothing after the timeout or an abort.
   */
  until<T>(
    look: () => readonly T[],
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly T[]> {
    const found = look();
    if (found.length > 0 || timeout === 0 || signal?.aborted === true) return Promise.resolve(found);
    return new Promise((resolve) => {
      const end = (result: readonly T[]): void => {
        this.#waiting.delete(again);
        signal?.removeEventListener("abort", abort);
        clearTimeout(timer);
        resolve(result);
      };
      const again = (): void => {
        const now = look();
        if (now.length > 0) end(now);
      };
      const abort = () => end([]);
      const timer = timeout < 0 ? undefined : setTimeout(abort, timeout);
      signal?.addEventListener("abort", abort);
      this.#waiting.add(again);
    });
  }
}
