import { Errno } from "../../uapi/index.ts";
import type { KernelTask } from "./task.ts";

/** Numbers of signals (`_NSIG`). */
const SIGNALS = 64;

/**
 * `bpf_send_signal_common`: threads of the kernel, idle tasks and the first process get none.
 *
 * @param number 0 only asks. @returns 0 or a negative errno: EPERM, EINVAL.
 */
export function sendSignal(task: KernelTask, number: number): number {
  if (task.exited || task.memory === undefined || task.tgid <= 1) return -Errno.EPERM;
  if (number >>> 0 > SIGNALS) return -Errno.EINVAL;
  if (number !== 0) task.signals.push(number);
  return 0;
}
