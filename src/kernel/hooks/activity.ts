/** Whether programs of events run on a CPU: no event fires programs inside of them (`bpf_prog_active`). */
export class Activity {
  readonly #active = new Set<number>();

  /** Runs something unless a program of an event runs on the CPU already. @returns whether it ran. */
  enter(cpu: number, act: () => void): boolean {
    if (this.#active.has(cpu)) return false;
    this.#active.add(cpu);
    try {
      act();
    } finally {
      this.#active.delete(cpu);
    }
    return true;
  }

  /** Runs something in which programs of events do not run (`bpf_disable_instrumentation`). */
  without<T>(cpu: number, act: () => T): T {
    const before = this.#active.has(cpu);
    this.#active.add(cpu);
    try {
      return act();
    } finally {
      if (!before) this.#active.delete(cpu);
    }
  }
}
