import { Errno } from "../../uapi/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { EventPlace } from "../hooks/event-machine.ts";
import type { Machine } from "../machine.ts";
import { runFrame } from "../run-frame.ts";

/** An event that control groups have a say in. */
export interface CgroupEvent {
  readonly group: Cgroup;
  readonly attachType: number;
  /** Offset of the programs' context. */
  readonly context: number;
  /** How programs run for it. */
  readonly run: EventPlace["run"];
}

/**
 * `bpf_prog_run_array_cg`: all programs run, and one that does not give an odd number refuses, with EPERM or what it
 * chose. @returns 0 or a negative errno.
 */
export function runCgroupPrograms(machine: Machine, event: CgroupEvent): number {
  const { group, attachType, context } = event;
  let retval = 0;
  for (const { program, group: at } of machine.cgroupHooks.effective(group, attachType)) {
    const frame = runFrame({ retval });
    const run = () => event.run(program, context, frame);
    const result = machine.cgroupStorage.with(program, at, attachType, run);
    retval = frame.retval;
    // A chosen error stays; -MAX_ERRNO is 4095.
    const isError = retval < 0 && retval >= -4095;
    if ((result & 1) === 0 && !isError) retval = -Errno.EPERM;
  }
  return retval;
}
