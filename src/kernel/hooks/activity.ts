/** What is under way on each CPU, and does not happen a second time inside of itself. */
export class Activity {
  /** Programs of events (`bpf_prog_active`). */
  readonly #active = new Set<number>();
  /** Records of trace events (`perf_swevent_get_recursion_context`). */
  readonly #recording = new Set<number>();

  /** Runs something unless a program of an event runs on the CPU already. @returns whether it ran. */
  enter(cpu: number, act: () => void): boolean {
    return once(this.#active, cpu, act);
  }

  /** Makes the record of a trace event, unless one is being made on the CPU. @returns whether it was made. */
  record(cpu: number, act: () => void): boolean {
    return once(this.#recording, cpu, act);
  }
}

function once(busy: Set<number>, cpu: number, act: () => void): boolean {
  if (busy.has(cpu)) return false;
  busy.add(cpu);
  try {
    act();
  } finally {
    busy.delete(cpu);
  }
  return true;
}
