import { PerfCountHw, PerfCountSw } from "../../uapi/index.ts";

/** Software counters by the names that perf has for them. */
export const SOFTWARE_COUNTERS: ReadonlyMap<string, number> = new Map([
  ["cpu-clock", PerfCountSw.CPU_CLOCK],
  ["task-clock", PerfCountSw.TASK_CLOCK],
  ["page-faults", PerfCountSw.PAGE_FAULTS],
  ["context-switches", PerfCountSw.CONTEXT_SWITCHES],
  ["cpu-migrations", PerfCountSw.CPU_MIGRATIONS],
  ["minor-faults", PerfCountSw.PAGE_FAULTS_MIN],
  ["major-faults", PerfCountSw.PAGE_FAULTS_MAJ],
  ["alignment-faults", PerfCountSw.ALIGNMENT_FAULTS],
  ["emulation-faults", PerfCountSw.EMULATION_FAULTS],
  ["cgroup-switches", PerfCountSw.CGROUP_SWITCHES],
]);

/** Hardware counters that embedded CPUs have, likewise. */
export const HARDWARE_COUNTERS: ReadonlyMap<string, number> = new Map([
  ["cycles", PerfCountHw.CPU_CYCLES],
  ["instructions", PerfCountHw.INSTRUCTIONS],
]);

/** Those that are clocks: they count nanoseconds by themselves. */
export function isClock(config: number): boolean {
  return config === PerfCountSw.CPU_CLOCK || config === PerfCountSw.TASK_CLOCK;
}

/** Numbers up to which `PERF_TYPE_SOFTWARE` knows counters. */
export const SOFTWARE_COUNT = PerfCountSw.CGROUP_SWITCHES + 1;
