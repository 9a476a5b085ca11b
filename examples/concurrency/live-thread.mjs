// A thread of live.mjs: runs programs of the running kernel on one CPU.
import { parentPort, workerData } from "node:worker_threads";
import koffi from "koffi";

const SYS_BPF = 321;
const SYS_SCHED_SETAFFINITY = 203;
const BPF_PROG_TEST_RUN = 10;

/** Runs in one system call: a few milliseconds, after which the thread looks whether it is to stop. */
const SLICE = 50_000;

const syscall = koffi.load(null).func("syscall", "long", ["long", "long", "void *", "long"]);
const pin = koffi.load(null).func("syscall", "long", ["long", "long", "long", "void *"]);

const only = new Uint8Array(128);
only[workerData.cpu >> 3] = 1 << (workerData.cpu & 7);
if (pin(SYS_SCHED_SETAFFINITY, 0, only.length, only) < 0) {
  parentPort.postMessage({ error: `this machine has no CPU ${workerData.cpu} for us` });
} else parentPort.postMessage({});

parentPort.on("message", (job) => {
  if (job === null) parentPort.close();
  else parentPort.postMessage(run(job));
});

/** The member `test` of `union bpf_attr`. */
function run({ progFd, repeat, control, parties }) {
  const packet = new Uint8Array(64);
  const attr = new Uint8Array(80);
  const view = new DataView(attr.buffer);
  view.setUint32(0, progFd, true);
  view.setUint32(8, packet.length, true);
  view.setBigUint64(16, BigInt(koffi.address(packet)), true);
  meet(control, parties);
  let runs = 0;
  let nanoseconds = 0;
  while (runs < repeat && Atomics.load(control, 1) === 0) {
    const count = Math.min(SLICE, repeat - runs);
    view.setUint32(32, count, true);
    const began = performance.now();
    if (syscall(SYS_BPF, BPF_PROG_TEST_RUN, attr, attr.length) < 0) {
      return { error: `BPF_PROG_TEST_RUN: errno ${koffi.errno()}` };
    }
    nanoseconds += (performance.now() - began) * 1e6;
    runs += count;
  }
  return { cpu: workerData.cpu, runs, nanoseconds };
}

/** Threads begin together; one that never comes holds nobody up for long. */
function meet(control, parties) {
  Atomics.add(control, 0, 1);
  Atomics.notify(control, 0);
  const until = performance.now() + 1000;
  for (;;) {
    const count = Atomics.load(control, 0);
    if (count >= parties || performance.now() > until) return;
    Atomics.wait(control, 0, count, 20);
  }
}
