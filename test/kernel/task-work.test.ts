import { expect, it } from "vitest";
import { CaseProgram } from "./case-program.ts";

const WORK = `type: sched_cls
types:
  struct val { struct bpf_task_work tw; long pid; long n; };
  int main(struct __sk_buff *skb);
  static int later(void *map, void *key, struct val *value);
map work: array, key int, value struct val, entries 1
code:
main:
  r1 = 60
  call kfunc bpf_task_from_pid
  if r0 == 0 goto out
  r6 = r0
  r1 = r6; r2 = %work[0]+0; r3 = %work; r4 = subprog[later]; r5 = 0
  call kfunc bpf_task_work_schedule_signal_impl
  r7 = r0
  r1 = r6; r2 = %work[0]+0; r3 = %work; r4 = subprog[later]; r5 = 0
  call kfunc bpf_task_work_schedule_resume_impl
  r7 *= 1000
  r7 -= r0
  r1 = r6
  call kfunc bpf_task_release
  r0 = r7
  exit
out:
  r0 = 99
  exit
later:
  r6 = r3
  call bpf_get_current_pid_tgid
  r1 = r0
  r1 &= 0xffff
  *(u64 *)(r6 + 8) = r1
  r1 = *(u64 *)(r6 + 16)
  r1 += 1
  *(u64 *)(r6 + 16) = r1
  r0 = 0
  exit
`;

it("a function runs in the name of a task, once at a time", () => {
  using sut = new CaseProgram(WORK);
  const { kernel } = sut;
  kernel.tasks.create({ pid: 60 });
  const words = () => {
    const value = kernel.mapLookupElem({ mapFd, key: new Uint8Array(4) })!;
    return [...new BigUint64Array(value.slice().buffer)].slice(1);
  };
  const mapFd = sut.map();
  // The second time it waits already: EBUSY.
  expect(sut.run() | 0).toBe(16);
  expect(words()).toEqual([60n, 1n]);
  expect(sut.run() | 0).toBe(16);
  expect(words()).toEqual([60n, 2n]);
});
