import { describe, expect, it } from "vitest";
import { Errno } from "../../src/uapi/index.ts";
import { CaseProgram } from "../kernel/case-program.ts";

const memory = { read: () => null, write: () => false };

/** A program that sends a signal to task 50; -1 where there is none. */
const SEND = (signal: number, type: number) => `type: sched_cls
code:
  r1 = 50
  call kfunc bpf_task_from_pid
  if r0 == 0 goto none
  r6 = r0
  r1 = r6; r2 = ${signal}; r3 = ${type}; r4 = 7
  call kfunc bpf_send_signal_task
  r7 = r0
  r1 = r6
  call kfunc bpf_task_release
  r0 = r7
  exit
none:
  r0 = -1
  exit
`;

describe("bpf_send_signal_task", () => {
  const send = (signal: number, type: number, task: object = { memory }) => {
    using sut = new CaseProgram(SEND(signal, type));
    const made = sut.kernel.tasks.create({ pid: 50, ...task });
    return [sut.run() | 0, made.signals];
  };

  it.each([
    ["to a thread", 0],
    ["to a process", 1],
  ])("%s", (_, type) => {
    expect(send(10, type)).toEqual([0, [10]]);
    expect(send(64, type)).toEqual([0, [64]]);
  });

  it("that is none only asks", () => {
    expect(send(0, 1)).toEqual([0, []]);
  });

  it.each([2, 3, 4, -1])("to what is no thread or process: %d", (type) => {
    expect(send(10, type)).toEqual([-Errno.EINVAL, []]);
  });

  it.each([65, -1, -2147483648])("that there is not: %d", (signal) => {
    expect(send(signal, 1)).toEqual([-Errno.EINVAL, []]);
  });

  it("to threads of the kernel and of the first process: refused, whatever the signal", () => {
    expect(send(10, 1, {})).toEqual([-Errno.EPERM, []]);
    expect(send(65, 1, {})).toEqual([-Errno.EPERM, []]);
    expect(send(65, 2, {})).toEqual([-Errno.EINVAL, []]);
    expect(send(10, 1, { memory, tgid: 1 })).toEqual([-Errno.EPERM, []]);
  });
});
