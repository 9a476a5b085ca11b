import { KernelObject } from "./kernel-object.ts";

/** As long as it is there, runs of programs are counted and timed (`bpf_enable_runtime_stats`). */
export class Statistics extends KernelObject {
  readonly kind = "stats";
  readonly #machine: { statisticsUsers: number };

  constructor(machine: { statisticsUsers: number }) {
    super(0);
    this.#machine = machine;
    machine.statisticsUsers++;
  }

  protected override destroy(): void {
    this.#machine.statisticsUsers--;
  }
}
