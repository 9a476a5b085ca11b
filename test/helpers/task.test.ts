import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { Errno } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { loadText } from "../kernel/support.ts";

const DEVICE = 4n;
const INODE = 0xefff_fffcn;
const [RESULT, NUMBERS, BEHIND] = [0, 1, 2];

describe("bpf_get_ns_current_pid_tgid", () => {
  /** What the helper gives, what it leaves, and the 8 bytes behind. */
  const ask = (device: bigint, inode: bigint, size = 8, onIdle = false) => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const text = `
      r1 = -1 ll
      *(u64 *)(r10 - 24) = r1
      *(u64 *)(r10 - 16) = r1
      r1 = ${device} ll
      r2 = ${inode} ll
      r3 = r10
      r3 += -24
      r4 = ${size}
      call bpf_get_ns_current_pid_tgid
      r7 = r0
      ${store(mapFd, RESULT)}
      r7 = *(u64 *)(r10 - 24)
      ${store(mapFd, NUMBERS)}
      r7 = *(u64 *)(r10 - 16)
      ${store(mapFd, BEHIND)}
      r0 = 0
      exit`;
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: loadText(kernel, "raw_tracepoint", text) });
    const task = kernel.tasks.create({ pid: 77, tgid: 70 });
    kernel.fire("rawtracepoint:sched_switch", {}, onIdle ? { cpu: 0 } : { task });
    return [RESULT, NUMBERS, BEHIND].map((index) => BigInt.asIntN(64, wordAt(kernel, mapFd, index)));
  };
  const refused = (...behind: bigint[]) => [BigInt(-Errno.EINVAL), ...behind];

  it("gives the numbers of thread and process", () => {
    expect(ask(DEVICE, INODE)).toEqual([0n, (70n << 32n) | 77n, -1n]);
  });

  it("gives 0 for idle tasks", () => {
    expect(ask(DEVICE, INODE, 8, true)).toEqual([0n, expect.anything(), -1n]);
  });

  it.each([
    ["another device", DEVICE + 1n, INODE],
    ["another file", DEVICE, INODE - 1n],
    ["a device of more than 32 bits", DEVICE | (1n << 32n), INODE],
    ["a file of more than 32 bits", DEVICE, INODE | (1n << 32n)],
  ])("leaves zeros for %s", (_, device, inode) => {
    expect(ask(device, inode)).toEqual(refused(0n, -1n));
  });

  it("leaves as many zeros as there is room, where that is of another size", () => {
    expect(ask(DEVICE, INODE, 16)).toEqual(refused(0n, 0n));
    expect(ask(DEVICE, INODE, 4)).toEqual(refused(-(1n << 32n), -1n));
  });
});

describe("bpf_send_signal and bpf_send_signal_thread", () => {
  const memory = { read: () => null, write: () => false };

  /** What the helper gives a task, and what it was sent. */
  const send = (helper: string, signal: number, task: { pid: number; user: boolean }) => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const text = `r1 = ${signal}\ncall ${helper}\nr7 = r0\n${store(mapFd, RESULT)}\nr0 = 0\nexit`;
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: loadText(kernel, "raw_tracepoint", text) });
    if (kernel.tasks.find(task.pid) !== undefined) kernel.tasks.exit(kernel.tasks.find(task.pid)!);
    const made = kernel.tasks.create({ pid: task.pid, ...(task.user ? { memory } : {}) });
    kernel.fire("rawtracepoint:sched_switch", {}, { task: made });
    return [Number(BigInt.asIntN(64, wordAt(kernel, mapFd, RESULT))), made.signals];
  };

  it.each(["bpf_send_signal", "bpf_send_signal_thread"])("%s", (helper) => {
    const user = { pid: 50, user: true };
    expect(send(helper, 10, user)).toEqual([0, [10]]);
    expect(send(helper, 64, user)).toEqual([0, [64]]);
    expect(send(helper, 0, user)).toEqual([0, []]);
    expect(send(helper, 65, user)).toEqual([-Errno.EINVAL, []]);
    expect(send(helper, -1, user)).toEqual([-Errno.EINVAL, []]);
    // Whom nobody may send any is found out first.
    expect(send(helper, 65, { pid: 50, user: false })).toEqual([-Errno.EPERM, []]);
    expect(send(helper, 9, { pid: 1, user: true })).toEqual([-Errno.EPERM, []]);
  });
});
