import { Errno, SyscallX64 } from "../../uapi/index.ts";
import { KernelStruct } from "../kernel-struct.ts";
import type { Machine } from "../machine.ts";
import { wordBytes } from "../word-bytes.ts";
import type { FireFacts, FirePlace, FireResult, FireValue } from "./fire.ts";
import { fireFunction } from "./fire-function.ts";
import { Firing } from "./firing.ts";
import { wordOf } from "./record.ts";
import { USER_CS } from "./registers.ts";

/** A system call, as the kernel sees it. */
export interface SystemCall {
  /** As tracefs has it (`"openat"`, `"newfstat"`), or its number. */
  readonly call: string | number;
  /** At most six. */
  readonly args?: readonly FireValue[];
  /** What it returns: a value, or what it does to get it. */
  readonly result?: FireValue | (() => FireValue);
}

/** System calls whose function has another name than what user space calls them. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["newstat", "stat"],
  ["newfstat", "fstat"],
  ["newlstat", "lstat"],
  ["newuname", "uname"],
  ["sendfile64", "sendfile"],
  ["umount", "umount2"],
]);

/** Where a system call finds its arguments (`syscall_get_arguments` on x86-64). */
const ARGUMENTS = ["di", "si", "dx", "r10", "r8", "r9"] as const;

/**
 * A system call of a task: the tracepoints of its entry, the function `__x64_sys_NAME` with what is attached to it, the
 * tracepoints of its exit. @throws RangeError for a call that there is not.
 */
export function fireSystemCall(machine: Machine, call: SystemCall, place: FirePlace): FireResult {
  const firing = new Firing(machine, place);
  const { name, number } = named(call.call);
  const args = Array.from({ length: ARGUMENTS.length }, (_, index) => wordOf(call.args?.[index] ?? 0));
  const result = firing.there(() =>
    machine.contexts.use(machine.layout.sizeOf("pt_regs"), (offset) => {
      const regs = registers(machine, offset, number, args);
      enter(firing, { name, number, args, regs });
      const value = fireFunction(firing, `__x64_sys_${OTHER_NAMES.get(name) ?? name}`, {
        args: [regs],
        result: call.result ?? 0,
      });
      regs.set("ax", value);
      exit(firing, { name, number, value, regs });
      return value;
    }),
  );
  return { runs: firing.runs, result };
}

function named(call: string | number): { readonly name: string; readonly number: number } {
  const numbers: Readonly<Record<string, number>> = SyscallX64;
  if (typeof call === "string") {
    const number = numbers[OTHER_NAMES.get(call) ?? call];
    if (number !== undefined) return { name: call, number };
  } else {
    const name = Object.keys(numbers).find((each) => numbers[each] === call);
    const other = [...OTHER_NAMES].find(([, user]) => user === name)?.[0];
    if (name !== undefined) return { name: other ?? name, number: call };
  }
  throw new RangeError(`fire: expected a system call of x86-64, got ${call}`);
}

function registers(machine: Machine, offset: number, number: number, args: readonly bigint[]): KernelStruct {
  const regs = new KernelStruct(machine.memory, machine.layout, "pt_regs", offset);
  regs.set("orig_ax", number);
  // `ENTRY_SYSCALL_64`: so that a call that nobody answers fails.
  regs.set("ax", -Errno.ENOSYS);
  regs.set("cs", USER_CS);
  for (const [index, register] of ARGUMENTS.entries()) regs.set(register, args[index]!);
  return regs;
}

interface Passing {
  readonly name: string;
  readonly number: number;
  readonly regs: KernelStruct;
}

/** `trace_sys_enter`, and `perf_syscall_enter` on it. */
function enter(
  firing: Firing<Machine>,
  { name, number, args, regs }: Passing & { readonly args: readonly bigint[] },
): void {
  pass(firing, "sys_enter", {
    raw: { args: [regs, number], fields: { id: number, args: wordBytes(args) } },
    name: `sys_enter_${name}`,
    words: [number, ...args],
  });
}

/** `trace_sys_exit`, and `perf_syscall_exit` on it. */
function exit(
  firing: Firing<Machine>,
  { name, number, value, regs }: Passing & { readonly value: bigint },
): void {
  pass(firing, "sys_exit", {
    raw: { args: [regs, value], fields: { id: number, ret: value } },
    name: `sys_exit_${name}`,
    words: [number, value],
  });
}

/** Passes a tracepoint of all system calls, and the trace event of one. */
function pass(
  firing: Firing<Machine>,
  tracepoint: "sys_enter" | "sys_exit",
  facts: { readonly raw: FireFacts; readonly name: string; readonly words: readonly FireValue[] },
): void {
  const { tracepoints } = firing.machine;
  const point = tracepoints.find(tracepoint);
  if (point === null || point.probes.length === 0) return;
  firing.tracepoint(point, tracepoints.events.find("raw_syscalls", tracepoint), facts.raw, () => {
    const own = tracepoints.events.find("syscalls", facts.name);
    if (own === undefined || tracepoints.call(own).users === 0) return;
    const values = own.fields.map((field, index) => [field.name, facts.words[index]!]);
    firing.traceEvent(own, tracepoints.call(own), { fields: Object.fromEntries(values) });
  });
}
