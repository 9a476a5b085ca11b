import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { BpfAttachType as A, PerfIoctl } from "../../../src/uapi/index.ts";
import { World } from "../../../src/world/index.ts";
import { loadText } from "../support.ts";
import { bpfOutput, perfOpen, probeOpen, traceOpen } from "./support.ts";

const types = linuxTypes();
const FRAME = new Uint8Array(60);

/** Attaches, fires and closes everything, in a process of its own that ends without closing what it has. */
function round(kernel: EmbeddedKernel): void {
  using process = kernel.process();
  const as = process as unknown as EmbeddedKernel;
  const load = (type: string, result = 0, more = {}) => loadText(process, type, `r0 = ${result}\nexit`, more);
  process.rawTracepointOpen({ name: "sched_switch", progFd: load("raw_tracepoint") });
  const iterator = types.findAllByName("bpf_iter_task").find((id) => types.kind(id) === 12)!;
  const iterating = { attachBtfId: iterator, expectedAttachType: A.TRACE_ITER };
  const linkFd = process.linkCreate({ progFd: load("tracing", 0, iterating), attachType: A.TRACE_ITER });
  process.port.read(process.iterCreate({ linkFd }), 100);
  process.port.ioctl(traceOpen(as, "sched", "sched_wakeup"), PerfIoctl.SET_BPF, load("tracepoint"));
  process.port.ioctl(probeOpen(as, "kprobe", "vfs_read"), PerfIoctl.SET_BPF, load("kprobe"));
  const clock = perfOpen(as, { type: 1, config: 0, samplePeriod: 1_000_000 });
  process.linkCreate({ progFd: load("perf_event"), targetFd: clock, attachType: A.PERF_EVENT });
  const mapFd = process.mapCreate({ mapType: 4, keySize: 4, valueSize: 4, maxEntries: 2 });
  process.port.ringConsume(bpfOutput(as, mapFd, 0), 1);
  process.linkCreate({ progFd: load("xdp", 2), targetIfindex: 1, attachType: A.XDP });
  process.progAttach({ targetIfindex: 1, attachBpfFd: load("sched_cls", -1), attachType: A.TCX_INGRESS });
  const attached = process.progQuery({ targetIfindex: 1, attachType: A.TCX_INGRESS });
  expect(attached.progIds.length).toBe(1);
  process.port.makeDirectory("/sys/fs/cgroup/short");
  const targetFd = process.port.open("/sys/fs/cgroup/short");
  const progFd = load("cgroup_skb", 1);
  process.progAttach({ targetFd, attachBpfFd: progFd, attachType: A.CGROUP_INET_INGRESS, attachFlags: 2 });
  process.linkCreate({ progFd, targetFd, attachType: A.CGROUP_INET_EGRESS });
  const socket = process.socketOf(process.port.socket(2, 2, 0));
  kernel.fire("tracepoint:sched:sched_switch");
  kernel.fire("tracepoint:sched:sched_wakeup");
  kernel.fire("function:vfs_read");
  expect(kernel.receive(FRAME, { device: kernel.namespace.loopback, socket }).runs).toBe(2);
  const world = new World(kernel);
  const task = world.spawn();
  world.switchTo(0, task);
  world.exit(world.fork(task));
  world.exit(task);
  // What PROG_ATTACH attached stays when its process ends.
  process.progDetach({ targetIfindex: 1, attachType: A.TCX_INGRESS });
  expect(process.port.remove("/sys/fs/cgroup/short")).toBe(0);
}

describe("what is attached", () => {
  it("leaves nothing behind", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    round(kernel);
    round(kernel);
    const before = kernel.memoryUsed;
    for (let i = 0; i < 30; i++) round(kernel);
    expect(kernel.memoryUsed).toBe(before);
    expect(kernel.tasks.values().length).toBe(1);
    expect(kernel.fire("tracepoint:sched:sched_switch").runs).toBe(0);
    expect(kernel.receive(FRAME, { device: kernel.namespace.loopback }).runs).toBe(0);
  });
});
