import { describe, expect, it } from "vitest";
import { textOf } from "../../src/base/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapType, PerfIoctl } from "../../src/uapi/index.ts";
import { World } from "../../src/world/index.ts";
import { traceOpen } from "../kernel/events/support.ts";
import { loadText } from "../kernel/support.ts";

/** A program that writes the first bytes of its record, and who runs where, to a ring. */
function recorder(kernel: EmbeddedKernel, category: string, name: string, size: number) {
  const mapFd = kernel.mapCreate({
    mapType: BpfMapType.RINGBUF,
    keySize: 0,
    valueSize: 0,
    maxEntries: 65536,
  });
  const words = Array.from({ length: size / 4 - 2 }, (_, index) => 8 + 4 * index);
  const text = `
    r6 = r1
    ${words.map((at) => `r7 = *(u32 *)(r6 + ${at})\n*(u32 *)(r10 - ${96 - at + 8}) = r7`).join("\n")}
    call bpf_get_current_pid_tgid
    *(u32 *)(r10 - 12) = r0
    call bpf_get_smp_processor_id
    *(u32 *)(r10 - 8) = r0
    r1 = map[id:${mapFd}]
    r2 = r10
    r2 += -96
    r3 = 92
    r4 = 0
    call bpf_ringbuf_output
    r0 = 0
    exit`;
  const init = Array.from({ length: 11 }, (_, index) => `*(u64 *)(r10 - ${96 - 8 * index}) = 0`).join("\n");
  const progFd = loadText(kernel, "tracepoint", `${init}\n*(u32 *)(r10 - 8) = 0\n${text}`);
  const fd = traceOpen(kernel, category, name);
  expect(kernel.port.ioctl(fd, PerfIoctl.SET_BPF, progFd)).toBe(0);
  return () => {
    const batch = kernel.port.ringConsume(mapFd, 100);
    if (typeof batch === "number") throw new Error(`ring: ${batch}`);
    const records = batch.records.map((bytes) => bytes.slice());
    batch.release();
    return records.map((bytes) => {
      const view = new DataView(bytes.buffer);
      const at = (offset: number) => view.getInt32(offset - 8, true);
      const text = (offset: number) => textOf(bytes.subarray(offset - 8, offset + 8)).replace(/\0.*$/s, "");
      return { at, text, pid: view.getUint32(84, true), cpu: view.getUint32(88, true) };
    });
  };
}

describe("a world", () => {
  it("switches tasks, and the record says so", () => {
    const kernel = new EmbeddedKernel({ cpus: 2 });
    const world = new World(kernel);
    const taken = recorder(kernel, "sched", "sched_switch", 64);
    const [one, two] = [world.spawn({ pid: 100, comm: "one" }), world.spawn({ pid: 200, comm: "two" })];
    world.switchTo(1, one);
    world.switchTo(1, two);
    world.switchTo(1, null, { state: 1 });
    const seen = taken().map(({ at, text, pid, cpu }) => [
      text(8),
      at(24),
      at(32),
      text(40),
      at(56),
      pid,
      cpu,
    ]);
    expect(seen).toEqual([
      ["swapper/1", 0, 0, "one", 100, 0, 1],
      ["one", 100, 0x100, "two", 200, 100, 1],
      ["two", 200, 1, "swapper/1", 0, 200, 1],
    ]);
  });

  it("has tasks fork, execute and end", () => {
    const kernel = new EmbeddedKernel();
    const world = new World(kernel);
    const execs = recorder(kernel, "sched", "sched_process_exec", 20);
    const exits = recorder(kernel, "sched", "sched_process_exit", 32);
    const shell = world.spawn({ pid: 10, comm: "bash", cgroup: "/user/session", uid: 1000 });
    world.switchTo(0, shell);
    const child = world.fork(shell, { pid: 11 });
    expect([child.comm, child.uid, child.cgroup.path]).toEqual(["bash", 1000, "/user/session"]);
    world.switchTo(0, child);
    world.exec(child, "/usr/bin/ls");
    expect(execs().map(({ at, pid }) => [at(12), at(16), pid])).toEqual([[11, 11, 11]]);
    world.exit(child);
    expect(exits().map(({ at, text, pid }) => [text(8), at(24), pid])).toEqual([["ls", 11, 11]]);
    expect([kernel.currentOn(0).pid, kernel.tasks.find(11)]).toEqual([0, undefined]);
  });

  it("has system calls pass their tracepoints", () => {
    const kernel = new EmbeddedKernel();
    const world = new World(kernel);
    const enter = recorder(kernel, "syscalls", "sys_enter_openat", 48);
    const exit = recorder(kernel, "syscalls", "sys_exit_openat", 24);
    const raw = recorder(kernel, "raw_syscalls", "sys_enter", 64);
    const task = world.spawn({ pid: 7 });
    expect(world.systemCall(task, "openat", [-100, 0x1000, 2], 3).result).toBe(3n);
    expect(enter().map(({ at, pid }) => [at(8), at(16), at(24), at(32), pid])).toEqual([
      [257, -100, 0x1000, 2, 7],
    ]);
    expect(exit().map(({ at }) => [at(8), at(16)])).toEqual([[257, 3]]);
    expect(raw().map(({ at }) => [at(8), at(16), at(20), at(24)])).toEqual([[257, -100, -1, 0x1000]]);
    expect(() => world.systemCall(task, "nothing")).toThrow(RangeError);
  });
});
