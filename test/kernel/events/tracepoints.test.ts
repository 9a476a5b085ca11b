import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { progInfo } from "../../../src/sys/index.ts";
import { BpfAttachType, PerfIoctl } from "../../../src/uapi/index.ts";
import { loadText, refusal } from "../support.ts";
import { clocked, count, store, traceOpen, wordAt, words } from "./support.ts";

describe("raw tracepoints", () => {
  it("give programs their arguments, on the CPU and in the name of the task", () => {
    const kernel = new EmbeddedKernel({ cpus: 4 });
    const mapFd = words(kernel);
    const text = `
      r6 = r1
      r7 = *(u64 *)(r6 + 8)
      ${store(mapFd, 0)}
      call bpf_get_smp_processor_id
      r7 = r0
      ${store(mapFd, 1)}
      call bpf_get_current_pid_tgid
      r7 = r0
      ${store(mapFd, 2)}
      r0 = 0
      exit`;
    const progFd = loadText(kernel, "raw_tracepoint", text);
    const link = kernel.rawTracepointOpen({ name: "sched_wakeup", progFd });
    const task = kernel.tasks.create({ pid: 12, tgid: 11, comm: "worker" });
    const fired = kernel.fire("rawtracepoint:sched_wakeup", { args: [7, -2n] }, { cpu: 3, task });
    expect(fired).toEqual({ runs: 1, result: 0n });
    expect([0, 1, 2].map((index) => wordAt(kernel, mapFd, index))).toEqual([
      0xffff_ffff_ffff_fffen,
      3n,
      (11n << 32n) | 12n,
    ]);
    kernel.port.close(link);
    expect(kernel.fire("rawtracepoint:sched_wakeup").runs).toBe(0);
  });

  it("run programs in the order in which they were attached", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const program = (value: number) =>
      loadText(
        kernel,
        "raw_tracepoint",
        `*(u32 *)(r10 - 4) = 0
         r2 = r10
         r2 += -4
         r1 = map[id:${mapFd}]
         call bpf_map_lookup_elem
         if r0 == 0 goto +4
         r1 = *(u64 *)(r0 + 0)
         r1 *= 10
         r1 += ${value}
         *(u64 *)(r0 + 0) = r1
         r0 = 0
         exit`,
      );
    for (const value of [3, 1, 2]) kernel.rawTracepointOpen({ name: "sched_switch", progFd: program(value) });
    kernel.fire("tracepoint:sched:sched_switch");
    expect(wordAt(kernel, mapFd, 0)).toBe(312n);
  });

  it("are those that the kernel's types know", () => {
    const kernel = new EmbeddedKernel({ btf: linuxTypes() });
    const progFd = loadText(kernel, "raw_tracepoint", "r0 = *(u64 *)(r1 + 8)\nr0 = 0\nexit");
    const open = (name: string) => refusal(() => kernel.rawTracepointOpen({ name, progFd }));
    // Two arguments; one; none that it could be; the name of a class.
    expect(["sys_enter", "sched_process_exit", "sched_wakeup", "sys_enter_openat", ""].map(open)).toEqual([
      "granted",
      "granted",
      "EINVAL",
      "ENOENT",
      "ENOENT",
    ]);
  });

  it("of BTF are named by the program", () => {
    const kernel = new EmbeddedKernel({ btf: linuxTypes() });
    const mapFd = words(kernel);
    const attachBtfId = kernel_type("btf_trace_sched_wakeup");
    const text = `
      r6 = *(u64 *)(r1 + 0)
      r2 = 0
      r7 = *(u32 *)(r6 + ${offset("task_struct", "pid")})
      ${store(mapFd, 0)}
      r0 = 0
      exit`;
    const expectedAttachType = BpfAttachType.TRACE_RAW_TP;
    const progFd = loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType });
    kernel.rawTracepointOpen({ progFd });
    const task = kernel.tasks.create({ pid: 4711 });
    kernel.fire("rawtracepoint:sched_wakeup", { args: [task] });
    expect(wordAt(kernel, mapFd, 0)).toBe(4711n);
    expect(refusal(() => kernel.rawTracepointOpen({ progFd, name: "sched_wakeup" }))).toBe("EINVAL");
  });
});

describe("trace events", () => {
  it("give programs their record", () => {
    const kernel = new EmbeddedKernel({ cpus: 2 });
    const mapFd = words(kernel);
    const text = `
      r6 = r1
      r7 = *(u32 *)(r6 + 12)
      ${store(mapFd, 0)}
      r1 = *(u32 *)(r6 + 8)
      r1 &= 0xffff
      r7 = r6
      r7 += r1
      r3 = r7
      r1 = r10
      r1 += -16
      r2 = 8
      call bpf_probe_read_kernel
      r7 = *(u64 *)(r10 - 16)
      ${store(mapFd, 1)}
      r0 = 0
      exit`;
    const progFd = loadText(kernel, "tracepoint", text);
    const event = traceOpen(kernel, "sched", "sched_process_exec");
    expect(kernel.port.ioctl(event, PerfIoctl.SET_BPF, progFd)).toBe(0);
    // Whatever the CPU of the perf event.
    kernel.fire(
      "tracepoint:sched:sched_process_exec",
      { fields: { filename: "/bin/ls", pid: 99 } },
      { cpu: 1 },
    );
    expect(wordAt(kernel, mapFd, 0)).toBe(99n);
    const name = new TextEncoder().encode("/bin/ls\0");
    expect(wordAt(kernel, mapFd, 1)).toBe(new DataView(name.buffer).getBigUint64(0, true));
  });

  it("count for their perf events, where the programs agree", () => {
    const kernel = new EmbeddedKernel({ cpus: 2 });
    const [first, second] = [0, 1].map((cpu) => traceOpen(kernel, "sched", "sched_switch", cpu)) as [
      number,
      number,
    ];
    const read = (fd: number) =>
      new DataView((kernel.port.read(fd, 64) as Uint8Array).buffer).getBigUint64(0, true);
    kernel.fire("tracepoint:sched:sched_switch");
    kernel.fire("tracepoint:sched:sched_switch", {}, { cpu: 1 });
    kernel.fire("tracepoint:sched:sched_switch", {}, { cpu: 1 });
    expect([read(first), read(second)]).toEqual([1n, 2n]);
    const no = loadText(kernel, "tracepoint", "r0 = 0\nexit");
    kernel.port.ioctl(second, PerfIoctl.SET_BPF, no);
    kernel.fire("tracepoint:sched:sched_switch", {}, { cpu: 1 });
    expect(read(second)).toBe(2n);
  });

  it("of system calls are events of their own", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const progFd = loadText(kernel, "tracepoint", `r7 = *(u64 *)(r1 + 24)\n${store(mapFd, 0)}\nr0 = 0\nexit`);
    kernel.port.ioctl(traceOpen(kernel, "syscalls", "sys_enter_openat"), PerfIoctl.SET_BPF, progFd);
    kernel.fire("tracepoint:syscalls:sys_enter_openat", { fields: { dfd: -100, filename: 0x7fff_0000n } });
    expect(wordAt(kernel, mapFd, 0)).toBe(0x7fff_0000n);
  });

  it("take programs by links, which tell of themselves and detach when they close", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const text = `call bpf_get_attach_cookie\nr7 = r0\n${store(mapFd, 0)}\nr0 = 0\nexit`;
    const progFd = loadText(kernel, "tracepoint", text);
    const targetFd = traceOpen(kernel, "sched", "sched_wakeup");
    const link = kernel.linkCreate({
      progFd,
      targetFd,
      attachType: BpfAttachType.PERF_EVENT,
      perfEventBpfCookie: 0x1122_3344_5566_7788n,
    });
    kernel.port.close(targetFd);
    expect(kernel.fire("tracepoint:sched:sched_wakeup").runs).toBe(1);
    expect(wordAt(kernel, mapFd, 0)).toBe(0x1122_3344_5566_7788n);
    kernel.port.close(progFd);
    kernel.port.close(link);
    expect(kernel.fire("tracepoint:sched:sched_wakeup").runs).toBe(0);
  });

  it("are counted and timed while somebody wants statistics", () => {
    const { clock, kernel } = clocked();
    const progFd = loadText(kernel, "raw_tracepoint", "call bpf_ktime_get_ns\nr0 = 0\nexit");
    kernel.rawTracepointOpen({ name: "sched_switch", progFd });
    const fire = () => {
      kernel.fire("rawtracepoint:sched_switch");
      const { runCnt, runTimeNs } = progInfo(kernel, progFd);
      return [runCnt, runTimeNs];
    };
    expect(fire()).toEqual([0n, 0n]);
    const switches = [kernel.enableStats({ type: 0 }), kernel.enableStats({ type: 0 })];
    clock.step = 5;
    expect(fire()[0]).toBe(1n);
    kernel.port.close(switches[0]!);
    const [runs, time] = fire();
    expect([runs, time! > 0n]).toEqual([2n, true]);
    kernel.port.close(switches[1]!);
    expect(fire()).toEqual([runs, time]);
  });

  it("run inside of each other, where they are of different programs", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const progFd = loadText(kernel, "raw_tracepoint", `${count(mapFd)}\nr0 = 0\nexit`);
    kernel.rawTracepointOpen({ name: "sched_switch", progFd });
    let inner = 0;
    kernel.fire("function:vfs_read", {
      result: () => {
        inner = kernel.fire("rawtracepoint:sched_switch").runs;
        return 0;
      },
    });
    expect(inner).toBe(1);
    expect(wordAt(kernel, mapFd, 0)).toBe(1n);
  });
});

const types = linuxTypes();

function kernel_type(name: string): number {
  return types.findByName(name);
}

function offset(struct: string, member: string): number {
  const id = types.findByName(struct);
  for (let i = 0; i < types.vlen(id); i++)
    if (types.memberName(id, i) === member) return types.memberBitOffset(id, i) / 8;
  throw new Error(`no ${struct}.${member}`);
}
