import type { CgroupDirectory, TaskDirectory, TaskPlace } from "../helpers/index.ts";
import { Errno } from "../uapi/index.ts";
import type { CgroupTree } from "./cgroups/cgroup-tree.ts";
import { sendSignal } from "./tasks/send-signal.ts";
import type { KernelTask } from "./tasks/task.ts";
import type { TaskTable } from "./tasks/task-table.ts";
import { userBytes, userString } from "./user-memory.ts";

/** The tasks of a kernel, as helpers ask for them. */
export function taskDirectory(tasks: TaskTable): TaskDirectory {
  return {
    find: (pid) => tasks.find(pid)?.offset ?? 0,
    all: () => tasks.inOrder().map(placeOf),
    hold: (offset) => tasks.at(offset)?.hold() ?? false,
    drop: (offset) => {
      const task = tasks.at(offset);
      if (task !== undefined) tasks.drop(task);
    },
    signal: (offset, number) => {
      const task = tasks.at(offset);
      return task === undefined ? -Errno.EPERM : sendSignal(task, number);
    },
    userBytes: (offset, low, high, length) => userBytes(tasks.at(offset)?.memory, low, high, length),
    userString: (offset, low, high, limit) => userString(tasks.at(offset)?.memory, low, high, limit),
    areas: (offset) => tasks.at(offset)?.areas() ?? null,
  };
}

/** The control groups of a kernel, as helpers ask for them. */
export function cgroupDirectory(cgroups: CgroupTree, tasks: TaskTable): CgroupDirectory {
  return {
    find: (id) => cgroups.byId(id)?.offset ?? 0,
    hold: (offset) => {
      const group = cgroups.at(offset);
      group?.get();
      return group !== undefined;
    },
    drop: (offset) => {
      const group = cgroups.at(offset);
      if (group !== undefined) cgroups.drop(group);
    },
    below: (offset) => {
      const group = cgroups.at(offset);
      return group === undefined ? [] : [...cgroups.below(group)].map((each) => each.offset);
    },
    tasks: (offset) => {
      const group = cgroups.at(offset);
      return tasks
        .inOrder()
        .filter((task) => task.pid !== 0 && task.cgroup === group)
        .map(placeOf);
    },
  };
}

function placeOf(task: KernelTask): TaskPlace {
  return { offset: task.offset, pid: task.pid, tgid: task.tgid };
}
