import { openLibc } from "../../src/node/linux/libc.ts";

const SYS_SCHED_SETAFFINITY = 203;
const SYS_SCHED_GETAFFINITY = 204;

/** Runs something while this thread runs on one CPU; its system calls do, too. */
export async function onCpu<T>(cpu: number, act: () => T): Promise<T> {
  const syscall = (await openLibc()).func("syscall", "long", ["long", "long", "long", "void *"]);
  const before = new Uint8Array(128);
  const length = syscall(SYS_SCHED_GETAFFINITY, 0, before.length, before);
  if (length <= 0) throw new Error("sched_getaffinity failed");
  const only = new Uint8Array(128);
  only[cpu >> 3] = 1 << (cpu & 7);
  if (syscall(SYS_SCHED_SETAFFINITY, 0, only.length, only) < 0) throw new Error("sched_setaffinity failed");
  try {
    return act();
  } finally {
    syscall(SYS_SCHED_SETAFFINITY, 0, length, before);
  }
}
