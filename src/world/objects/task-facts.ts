import type { FireFacts, KernelTask } from "../../kernel/index.ts";

/** `TASK_RUNNING` and what tasks wait for (`enum` of `include/linux/sched.h`). */
export const TaskState = { RUNNING: 0, INTERRUPTIBLE: 1, UNINTERRUPTIBLE: 2, DEAD: 0x80 } as const;

/** A priority that nobody has changed (`DEFAULT_PRIO`). */
const PRIORITY = 120;

/** `exit_state` of a task that nobody waits for. */
const EXIT_DEAD = 0x10;

/** `TASK_REPORT_MAX`: a task that still could run, and was made to stop. */
const PREEMPTED = 0x100;

/** `trace_sched_switch(preempt, prev, next, prev_state)` */
export function switchFacts(prev: KernelTask, next: KernelTask, state: number): FireFacts {
  const preempted = state === TaskState.RUNNING && prev.pid !== 0;
  return {
    args: [preempted ? 1 : 0, prev, next, state],
    fields: {
      prev_comm: prev.comm,
      prev_pid: prev.pid,
      prev_prio: PRIORITY,
      prev_state: reported(state, preempted),
      next_comm: next.comm,
      next_pid: next.pid,
      next_prio: PRIORITY,
    },
  };
}

/** `__trace_sched_switch_state` */
function reported(state: number, preempted: boolean): number {
  if (preempted) return PREEMPTED;
  return state === TaskState.DEAD ? EXIT_DEAD : state;
}

/** `trace_sched_waking(p)`, `trace_sched_wakeup(p)`, `trace_sched_wakeup_new(p)` */
export function wakeFacts(task: KernelTask, cpu: number): FireFacts {
  return { args: [task], fields: { comm: task.comm, pid: task.pid, prio: PRIORITY, target_cpu: cpu } };
}

/** `trace_sched_process_fork(parent, child)` */
export function forkFacts(parent: KernelTask, child: KernelTask): FireFacts {
  return {
    args: [parent, child],
    fields: {
      parent_comm: parent.comm,
      parent_pid: parent.pid,
      child_comm: child.comm,
      child_pid: child.pid,
    },
  };
}

/** `trace_task_newtask(task, clone_flags)` */
export function newTaskFacts(task: KernelTask, flags: number): FireFacts {
  return {
    args: [task, flags],
    fields: { pid: task.pid, comm: task.comm, clone_flags: flags, oom_score_adj: 0 },
  };
}

/** `trace_task_rename(task, comm)`: while the task still has its old name. */
export function renameFacts(task: KernelTask, comm: string): FireFacts {
  return {
    args: [task, 0],
    fields: { pid: task.pid, oldcomm: task.comm, newcomm: comm, oom_score_adj: 0 },
  };
}

/** `trace_sched_process_exec(p, old_pid, bprm)`; what was executed has no struct here. */
export function execFacts(task: KernelTask, filename: string): FireFacts {
  return {
    args: [task, task.pid, 0],
    fields: { filename, pid: task.pid, old_pid: task.pid },
  };
}

/** `trace_sched_process_exit(p, group_dead)` */
export function exitFacts(task: KernelTask): FireFacts {
  return {
    args: [task, 1],
    fields: { comm: task.comm, pid: task.pid, prio: PRIORITY, group_dead: 1 },
  };
}
