import { describe, expect, it } from "vitest";
import type { EmbeddedKernel, ExecutorThread, ExecutorThreads } from "../../../src/kernel/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { CaseProgram } from "../case-program.ts";
import { FRAME, loadText } from "../support.ts";
import { lookup, Numbers, parallelKernel } from "./support.ts";

/** Far more than any machine gets done. */
const ENDLESS = 2 ** 40;

/** A machine with other work to do may be late by as much, but not by all. */
const SOON = 1000;

/** Says in a map that a run has begun. */
const BEGIN = `map begun: array, key 4, value 8, entries 1
code:
main:
  *(u32 *)(r10 - 4) = 0
  r1 = %begun; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto +2
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1`;

/** A run that calls back some 10^13 times. */
const LONG = `type: sched_cls
types:
  int main(struct __sk_buff *skb);
  static int outer(long index, void *ctx);
  static int inner(long index, void *ctx);
${BEGIN}
  r1 = 8000000; r2 = subprog[outer]; r3 = 0; r4 = 0
  call bpf_loop
  r0 = 0
  exit
outer:
  r1 = 8000000; r2 = subprog[inner]; r3 = 0; r4 = 0
  call bpf_loop
  r0 = 0
  exit
inner:
  r0 = 0
  exit
`;

/** The same by loops over numbers, in which nothing else looks whether somebody interrupts. */
const ITERATING = `type: sched_cls
types:
  int main(struct __sk_buff *skb);
${BEGIN}
  r1 = r10; r1 += -16; r2 = 0; r3 = 8000000
  call kfunc bpf_iter_num_new
outer:
  r1 = r10; r1 += -16
  call kfunc bpf_iter_num_next
  if r0 == 0 goto done
  r1 = r10; r1 += -24; r2 = 0; r3 = 8000000
  call kfunc bpf_iter_num_new
inner:
  r1 = r10; r1 += -24
  call kfunc bpf_iter_num_next
  if r0 != 0 goto inner
  r1 = r10; r1 += -24
  call kfunc bpf_iter_num_destroy
  goto outer
done:
  r1 = r10; r1 += -16
  call kfunc bpf_iter_num_destroy
  r0 = 0
  exit
`;

/** A program that counts its runs. */
function counting(kernel: EmbeddedKernel) {
  const counter = new Numbers(kernel);
  const progFd = loadText(
    kernel,
    "socket_filter",
    `${lookup(counter.fd, 0)}\n r1 = 1\n lock *(u64 *)(r0 + 0) += r1\nout:\n r0 = 0\n exit`,
  );
  return { counter, progFd };
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds));

describe.each(["interp", "jit"] as const)("a parallel run, with the engine %s", (engine) => {
  it("ends soon after its signal, with what was done", async () => {
    await using kernel = await parallelKernel({ engine });
    const { counter, progFd } = counting(kernel);
    const abort = new AbortController();
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: ENDLESS, signal: abort.signal });
    while (counter.at(0) === 0) await wait(1);
    const asked = performance.now();
    abort.abort();
    const results = await running;
    expect(performance.now() - asked).toBeLessThan(SOON);
    // A run that was under way very late is not counted, though it came to its end.
    const late = results.filter(({ fault }) => fault?.kind === "interrupted").length;
    expect(results.reduce((sum, { runs }) => sum + runs, 0) + late).toBe(counter.at(0));
  });

  it.each([
    ["by callbacks", LONG],
    ["over numbers", ITERATING],
  ])("ends soon also where one run never would, %s", async (_, text) => {
    const sut = new CaseProgram(text, {
      engine,
      cpus: 2,
      budget: Infinity,
      jit: { after: 0 },
      executors: await testExecutors(2),
    });
    const { kernel, progFd } = sut;
    const abort = new AbortController();
    const running = kernel.runParallel({ progFd, cpus: [0, 1], signal: abort.signal });
    while (kernel.mapLookupElem({ mapFd: sut.map(), key: new Uint8Array(4) })![0] !== 2) await wait(1);
    const asked = performance.now();
    abort.abort();
    const results = await running;
    expect(performance.now() - asked).toBeLessThan(SOON);
    expect(results.map(({ runs, fault }) => [runs, fault?.kind])).toEqual([
      [0, "interrupted"],
      [0, "interrupted"],
    ]);
    // Nobody else is interrupted.
    const other = loadText(kernel, "socket_filter", " r0 = 9\n exit");
    expect(kernel.progTestRun({ progFd: other, dataIn: FRAME }).retval).toBe(9);
    await kernel.shutdown();
  });

  it("does not begin where its signal came before", async () => {
    await using kernel = await parallelKernel({ engine });
    const progFd = loadText(kernel, "socket_filter", " r0 = 0\n exit");
    const results = await kernel.runParallel({
      progFd,
      cpus: [0, 1],
      repeat: 10,
      signal: AbortSignal.abort(),
    });
    expect(results.map(({ runs }) => runs)).toEqual([0, 0]);
  });

  it.each([1, 2])("ends no other run, with %i executors", async (count) => {
    const executors = await testExecutors(count);
    const sut = new CaseProgram(LONG, { engine, cpus: 2, budget: Infinity, executors });
    const { kernel } = sut;
    const mapFd = sut.map();
    const done = new Numbers(kernel);
    const other = loadText(
      kernel,
      "socket_filter",
      `again: may_goto done\ngoto again\ndone:${lookup(done.fd, 0)}
      r1 = 1\n lock *(u64 *)(r0 + 0) += r1\nout:\n r0 = 7\n exit`,
    );
    const abort = new AbortController();
    const beside = kernel.runParallel({ progFd: other, cpus: [1], repeat: 30 });
    while (done.at(0) === 0) await wait(1);
    const running = kernel.runParallel({ progFd: sut.progFd, cpus: [0], signal: abort.signal });
    const begun = () => kernel.mapLookupElem({ mapFd, key: new Uint8Array(4) })![0];
    // With one executor it is not its turn yet.
    if (count === 1) await wait(50);
    else while (begun() === 0) await wait(1);
    abort.abort();
    const [result] = await running;
    expect([result!.runs, result!.fault?.kind]).toEqual([0, count === 1 ? undefined : "interrupted"]);
    expect(await beside).toMatchObject([{ runs: 30, retval: 7, fault: null }]);
    await kernel.shutdown();
  });

  it("ends with its kernel", async () => {
    const kernel = await parallelKernel({ engine });
    const { counter, progFd } = counting(kernel);
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: ENDLESS });
    while (counter.at(0) === 0) await wait(1);
    await kernel.shutdown();
    for (const { runs } of await running) expect(runs).toBeLessThan(ENDLESS);
    await expect(kernel.runParallel({ progFd, cpus: [0] })).rejects.toThrow("EBADF");
  });
});

describe("a fault", () => {
  /** Ends in the midst of what the lock protects: more instructions than the budget has. */
  const FAULTING = `type: sched_cls
types:
  struct val { long n; struct bpf_spin_lock lock; int tail; };
map locked: array, key int, value struct val, entries 1
code:
  *(u32 *)(r10 - 4) = 0
  r1 = %locked; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0
  r1 = r6; r1 += 8
  call bpf_spin_lock
  r2 = 0
again:
  r2 += 1
  r3 = *(u64 *)(r6 + 0)
  if r2 < 400 goto again
  r1 = r6; r1 += 8
  call bpf_spin_unlock
out:
  r0 = 0
  exit
`;

  it("ends the runs of its CPU, and gives back the lock that they held", async () => {
    const options = { engine: "interp", cpus: 2, budget: 200, executors: await testExecutors(2) } as const;
    const sut = new CaseProgram(FAULTING, options);
    const results = await sut.kernel.runParallel({ progFd: sut.progFd, cpus: [0, 1], repeat: 50 });
    expect(results.map(({ runs, fault }) => [runs, fault?.kind])).toEqual([
      [0, "budget"],
      [0, "budget"],
    ]);
    // Also on the kernel's own thread, which would wait for ever.
    expect(() => sut.run()).toThrow("EFAULT");
    expect(() => sut.run()).toThrow("EFAULT");
    await sut.kernel.shutdown();
  });
});

/** Threads of which the last that was started can be ended from outside. */
class Fragile implements ExecutorThreads {
  readonly count: number;
  readonly #threads: ExecutorThreads;
  readonly started: ExecutorThread[] = [];

  constructor(threads: ExecutorThreads) {
    this.count = threads.count;
    this.#threads = threads;
  }

  start(): ExecutorThread {
    const thread = this.#threads.start();
    this.started.push(thread);
    return thread;
  }
}

describe("an executor whose thread ends", () => {
  it("takes its run with it, and the kernel runs nothing on others any more", async () => {
    const threads = new Fragile(await testExecutors(2));
    await using kernel = await parallelKernel({ executors: threads });
    const { counter, progFd } = counting(kernel);
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: ENDLESS });
    while (counter.at(0) === 0) await wait(1);
    threads.started[0]!.end();
    await expect(running).rejects.toThrow(/executor 1: its thread ended: the worker exited with code 1/);
    await expect(kernel.runParallel({ progFd, cpus: [0] })).rejects.toThrow(
      "executor 1 ended in the midst of a run",
    );
    // What has a CPU to itself goes on.
    expect(kernel.progTestRun({ progFd, dataIn: FRAME }).retval).toBe(0);
  });
});
