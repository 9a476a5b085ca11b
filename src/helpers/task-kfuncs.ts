import { offsetOf } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import { constantKfunc, hostKfunc } from "./define.ts";
import type { HelperCall, Kfunc } from "./helper.ts";

/** `PIDTYPE_TGID`; 0 is `PIDTYPE_PID`. */
const WHOLE_PROCESS = 1;

const OF_ONE = { args: ["ptr"], result: "ptr" } as const;
const BY_NUMBER = { args: ["i32"], result: "ptr" } as const;

/** Tasks and control groups that programs hold references to. */
export function taskKfuncs(layout: KernelLayout): readonly Kfunc[] {
  const LEVEL = layout.offset("cgroup.level");
  const ANCESTORS = layout.offset("cgroup.ancestors");
  const GROUPS = layout.offset("task_struct.cgroups");
  const DEFAULT_GROUP = layout.offset("css_set.dfl_cgrp");
  const pointer = (call: HelperCall, at: number) => offsetOf(call.memory.view().getBigUint64(at, true));

  const holdTask = (call: HelperCall, task: number) => (call.services.tasks?.hold(task) === true ? task : 0);
  const holdGroup = (call: HelperCall, group: number) =>
    call.services.cgroups?.hold(group) === true ? group : 0;

  const fromPid = (call: HelperCall, pid: number): number => {
    const task = pid > 0 ? (call.services.tasks?.find(pid) ?? 0) : 0;
    return task === 0 ? 0 : holdTask(call, task);
  };

  /** `cgroup_is_descendant` of the task's group. */
  const isUnder = (call: HelperCall, task: number, group: number): number => {
    const view = call.memory.view();
    const set = pointer(call, (task >>> 0) + GROUPS);
    const own = set === 0 ? 0 : pointer(call, set + DEFAULT_GROUP);
    const level = view.getInt32((group >>> 0) + LEVEL, true);
    if (own === 0 || view.getInt32(own + LEVEL, true) < level) return 0;
    return pointer(call, own + ANCESTORS + 8 * level) === group >>> 0 ? 1 : 0;
  };

  return [
    hostKfunc("bpf_task_acquire", OF_ONE, (call, task) => holdTask(call, task! >>> 0)),
    hostKfunc("bpf_task_release", { args: ["ptr"], result: "void" }, (call, task) => {
      call.services.tasks?.drop(task! >>> 0);
      return 0;
    }),
    hostKfunc("bpf_task_from_pid", BY_NUMBER, fromPid),
    // All tasks are in the initial namespace of numbers.
    hostKfunc("bpf_task_from_vpid", BY_NUMBER, fromPid),
    hostKfunc("bpf_cgroup_acquire", OF_ONE, (call, group) => holdGroup(call, group! >>> 0)),
    hostKfunc("bpf_cgroup_release", { args: ["ptr"], result: "void" }, (call, group) => {
      call.services.cgroups?.drop(group! >>> 0);
      return 0;
    }),
    hostKfunc("bpf_cgroup_ancestor", { args: ["ptr", "i32"], result: "ptr" }, (call, at, level) => {
      const group = at! >>> 0;
      if (level! > call.memory.view().getInt32(group + LEVEL, true) || level! < 0) return 0;
      return holdGroup(call, pointer(call, group + ANCESTORS + 8 * level!));
    }),
    hostKfunc("bpf_cgroup_from_id", { args: ["i64"], result: "ptr" }, (call, low, high) => {
      const group = call.services.cgroups?.find((high! >>> 0) * 2 ** 32 + (low! >>> 0)) ?? 0;
      return group === 0 ? 0 : holdGroup(call, group);
    }),
    hostKfunc("bpf_task_under_cgroup", { args: ["ptr", "ptr"], result: "i64" }, (call, task, group) => {
      call.resultHigh = 0;
      return isUnder(call, task!, group!);
    }),
    constantKfunc("bpf_task_get_cgroup1", {
      args: ["ptr", "i32"],
      result: "ptr",
      always: 0,
      here: "There are no hierarchies of version 1.",
    }),
    hostKfunc(
      "bpf_send_signal_task",
      { args: ["ptr", "i32", "i32", "i64"], result: "u32" },
      (call, task, signal, type) => {
        if (type !== 0 && type !== WHOLE_PROCESS) return -Errno.EINVAL;
        return call.services.tasks?.signal(task! >>> 0, signal!) ?? -Errno.EPERM;
      },
    ),
  ];
}
