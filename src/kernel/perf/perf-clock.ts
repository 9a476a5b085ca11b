import type { EventMachine } from "../hooks/event-machine.ts";
import type { PerfEvent } from "./perf-event.ts";

/** Longest time that a host's timer can wait, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Nanoseconds; `perf_swevent_start_hrtimer` takes no shorter period. */
const SHORTEST_PERIOD = 10_000;

/** Samples of cpu-clock and task-clock events: each takes one when its period is over. */
export class PerfClock {
  readonly #machine: EventMachine;
  readonly #realTime: boolean;
  readonly #tick: (event: PerfEvent, cpu: number) => void;
  /** When the next sample of each enabled event is due, in nanoseconds since boot. */
  readonly #due = new Map<PerfEvent, number>();
  #wake: ReturnType<typeof setTimeout> | undefined;

  constructor(machine: EventMachine, realTime: boolean, tick: (event: PerfEvent, cpu: number) => void) {
    this.#machine = machine;
    this.#realTime = realTime;
    this.#tick = tick;
  }

  /** An event was made, enabled or disabled. */
  changed(event: PerfEvent): void {
    const samples = event.parts.source.kind === "clock" && event.enabled && event.period > 0n;
    if (samples) this.#due.set(event, this.#machine.clock() + periodOf(event));
    else this.#due.delete(event);
    this.#arm();
  }

  remove(event: PerfEvent): void {
    this.#due.delete(event);
    this.#arm();
  }

  /** Takes what samples are due, one of each event however late it is, unless a program runs (`hrtimer_forward_now`). */
  run(): void {
    if (this.#due.size === 0 || this.#machine.executor.depth !== 0) return;
    const now = this.#machine.clock();
    for (const [event, due] of [...this.#due].sort(([, one], [, other]) => one - other)) {
      if (due > now || !this.#due.has(event)) continue;
      const period = periodOf(event);
      this.#due.set(event, due + Math.ceil((now - due + 1) / period) * period);
      for (const cpu of this.#cpusOf(event)) this.#tick(event, cpu);
    }
    this.#arm();
  }

  /** Where an event counts: an event of a task counts where that runs. */
  #cpusOf(event: PerfEvent): readonly number[] {
    const { cpu, task } = event.parts;
    if (cpu !== -1) return [cpu];
    const all = Array.from({ length: this.#machine.cpus }, (_, index) => index);
    return all.filter((index) => this.#machine.currentOn(index) === task);
  }

  /** Has the host look when the next one is due; that alone keeps no process alive. */
  #arm(): void {
    if (!this.#realTime) return;
    clearTimeout(this.#wake);
    this.#wake = undefined;
    if (this.#due.size === 0) return;
    const next = Math.min(...this.#due.values());
    const wait = Math.min(Math.max(Math.ceil((next - this.#machine.clock()) / 1e6), 0), LONGEST_WAIT);
    this.#wake = setTimeout(() => this.run(), wait);
    (this.#wake as { unref?: () => void }).unref?.();
  }
}

function periodOf(event: PerfEvent): number {
  return Math.max(Number(event.period), SHORTEST_PERIOD);
}
