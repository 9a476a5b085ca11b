import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper, hostKfunc } from "./define.ts";
import type { Helper, HelperCall, Kfunc } from "./helper.ts";

/** `CLOCK_REALTIME`, `CLOCK_MONOTONIC`, `CLOCK_BOOTTIME` */
const CLOCKS: ReadonlySet<number> = new Set([0, 1, 7]);

/** `BPF_F_TIMER_ABS`, `BPF_F_TIMER_CPU_PIN` */
const ABSOLUTE = 1;
const PINNED = 2;

/** `bpf_timer_init` */
function init(call: HelperCall, at: number, map: number, flags: number, flagsHigh: number): number {
  if (flagsHigh !== 0 || !CLOCKS.has(flags)) return -Errno.EINVAL;
  return call.services.timers?.init("timer", at >>> 0, map >>> 0, flags) ?? -Errno.ENOMEM;
}

function setCallback(call: HelperCall, at: number, callback: number): number {
  return call.services.timers?.setCallback(at >>> 0, callback) ?? -Errno.EINVAL;
}

/** `bpf_timer_start` */
function start(
  call: HelperCall,
  at: number,
  low: number,
  high: number,
  flags: number,
  flagsHigh: number,
): number {
  if (flagsHigh !== 0 || (flags & ~(ABSOLUTE | PINNED)) !== 0) return -Errno.EINVAL;
  // A time beyond 2^63 is one in the past (ns_to_ktime).
  const time = high * 2 ** 32 + (low >>> 0);
  const options = { absolute: (flags & ABSOLUTE) !== 0, pinned: (flags & PINNED) !== 0 };
  return call.services.timers?.start(at >>> 0, time, options) ?? -Errno.EINVAL;
}

/** Functions that run later, by a clock. */
export const TIMER_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.timer_init, { args: ["ptr", "ptr", "i64"], result: "i32" }, init),
  // The function's address has its index in the function table as its low half.
  hostHelper(BpfFuncId.timer_set_callback, { args: ["ptr", "i32"], result: "i32" }, setCallback),
  hostHelper(BpfFuncId.timer_start, { args: ["ptr", "i64", "i64"], result: "i32" }, start),
  hostHelper(
    BpfFuncId.timer_cancel,
    { args: ["ptr"], result: "i32" },
    (call, at) => call.services.timers?.cancel(at! >>> 0) ?? -Errno.EINVAL,
  ),
];

/** `bpf_task_work_schedule`: EBADF for a task that has ended. */
function schedule(call: HelperCall, task: number, at: number, map: number, callback: number): number {
  const { tasks, timers } = call.services;
  if (tasks?.hold(task >>> 0) !== true) return -Errno.EBADF;
  tasks.drop(task >>> 0);
  return timers?.schedule(at >>> 0, map >>> 0, task >>> 0, callback) ?? -Errno.EBUSY;
}

/** Functions that run in the name of a task (`struct bpf_task_work`), here as soon as the program has ended. */
export const TASK_WORK_KFUNCS: readonly Kfunc[] = ["signal", "resume"].map((mode) =>
  hostKfunc(
    `bpf_task_work_schedule_${mode}_impl`,
    {
      args: ["ptr", "ptr", "ptr", "i32", "ptr"],
      result: "u32",
      here: "The function runs once the program has ended: it waits for nothing that the task does.",
    },
    schedule,
  ),
);

/** Functions that run as soon as the program has ended (`struct bpf_wq`). No flag of these is defined. */
export const WORKQUEUE_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_wq_init", { args: ["ptr", "ptr", "i32"], result: "u32" }, (call, at, map, flags) => {
    if (flags !== 0) return -Errno.EINVAL;
    return call.services.timers?.init("workqueue", at! >>> 0, map! >>> 0, 0) ?? -Errno.ENOMEM;
  }),
  hostKfunc(
    "bpf_wq_set_callback_impl",
    { args: ["ptr", "i32", "i32", "ptr"], result: "u32" },
    (call, at, callback, flags) => (flags === 0 ? setCallback(call, at!, callback!) : -Errno.EINVAL),
  ),
  hostKfunc("bpf_wq_start", { args: ["ptr", "i32"], result: "u32" }, (call, at, flags) => {
    if (flags !== 0) return -Errno.EINVAL;
    const soon = { absolute: false, pinned: false };
    return call.services.timers?.start(at! >>> 0, 0, soon) ?? -Errno.EINVAL;
  }),
];
