import { expect, it } from "vitest";
import { offsetOf } from "../../src/btf/index.ts";
import { CaseProgram, linuxTypes } from "./case-program.ts";

const KEEP = `type: sched_cls
types:
  struct val { struct task_struct __kptr *task; struct cgroup __kptr *group; };
map kept: array, key int, value struct val, entries 1
code:
  r1 = 77
  call kfunc bpf_task_from_pid
  if r0 == 0 goto out
  r1 = %kept[0]+0; r2 = r0
  call bpf_kptr_xchg
  if r0 == 0 goto group
  r1 = r0
  call kfunc bpf_task_release
group:
  r1 = 2
  call kfunc bpf_cgroup_from_id
  if r0 == 0 goto out
  r1 = %kept[0]+8; r2 = r0
  call bpf_kptr_xchg
  if r0 == 0 goto done
  r1 = r0
  call kfunc bpf_cgroup_release
done:
  r0 = 1
  exit
out:
  r0 = 0
  exit
`;

it("a task and a group that a map keeps stay when they end, until the map does", () => {
  const sut = new CaseProgram(KEEP);
  const { kernel } = sut;
  expect(sut.run()).toBe(0);
  const group = kernel.cgroups.ensure("/app");
  const task = kernel.tasks.create({ pid: 77, cgroup: group });
  expect(sut.run()).toBe(1);
  const { offset } = task;
  const groupOffset = group.offset;
  kernel.tasks.exit(task);
  kernel.cgroups.remove("/app", () => false);
  expect(kernel.tasks.find(77)).toBeUndefined();
  expect(kernel.tasks.at(offset)).toBe(task);
  expect(kernel.cgroups.at(groupOffset)).toBe(group);
  // Who has ended cannot be found, but what is kept can be kept once more.
  expect(sut.run()).toBe(0);
  expect(task.hold()).toBe(true);
  kernel.tasks.drop(task);
  sut[Symbol.dispose]();
  expect(kernel.tasks.at(offset)).toBeUndefined();
  expect(kernel.cgroups.at(groupOffset)).toBeUndefined();
  expect(task.hold()).toBe(false);
});

const WALK = (flags: number) => `type: sched_cls
types:
  struct seen { int pids[16]; };
map seen: array, key int, value struct seen, entries 1
code:
  r6 = %seen[0]+0
  r7 = 0
  call kfunc bpf_rcu_read_lock
  r1 = r10; r1 += -24; r2 = 0; r3 = ${flags}
  call kfunc bpf_iter_task_new
next:
  r1 = r10; r1 += -24
  call kfunc bpf_iter_task_next
  if r0 == 0 goto done
  if r7 > 60 goto next
  r1 = *(u32 *)(r0 + PID)
  r2 = r6
  r2 += r7
  *(u32 *)(r2 + 0) = r1
  r7 += 4
  goto next
done:
  r1 = r10; r1 += -24
  call kfunc bpf_iter_task_destroy
  call kfunc bpf_rcu_read_unlock
  r0 = r7
  exit
`;

it.each([
  ["processes", 0, [0, 1, 70, 80]],
  ["threads", 1, [0, 1, 70, 71, 72, 80]],
])("a walk over all %s has them in the order in which they came", (_, flags, pids) => {
  const pid = offsetOf(linuxTypes().btf, "task_struct.pid");
  using sut = new CaseProgram(WALK(flags).replace("PID", `${pid}`));
  const { tasks } = sut.kernel;
  for (const [number, tgid] of [
    [70, 70],
    [80, 80],
    [71, 70],
    [72, 70],
  ] as const)
    tasks.create({ pid: number, tgid });
  const count = sut.run() / 4;
  const value = sut.kernel.mapLookupElem({ mapFd: sut.map(), key: new Uint8Array(4) })!;
  const seen = [...new Int32Array(value.buffer, value.byteOffset, 16)].slice(0, count);
  expect(seen).toEqual(pids);
});
