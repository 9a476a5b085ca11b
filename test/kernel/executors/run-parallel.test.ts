import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { progInfo } from "../../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { loadText, refusal, u32 } from "../support.ts";
import { lookup, Numbers, parallelKernel } from "./support.ts";

const ADD = {
  plain: "r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1",
  atomic: "r1 = 1\n lock *(u64 *)(r0 + 0) += r1",
};

function counting(kernel: EmbeddedKernel, fd: number, add: string): number {
  return loadText(kernel, "socket_filter", `${lookup(fd, 0)}\n ${add}\nout:\n r0 = 7\n exit`);
}

describe.each(["interp", "jit"] as const)("a program on several CPUs, with the engine %s", (engine) => {
  it("counts exactly with atomic additions", async () => {
    await using kernel = await parallelKernel({ engine });
    const counter = new Numbers(kernel);
    const progFd = counting(kernel, counter.fd, ADD.atomic);
    const results = await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 50_000 });
    expect(results.map(({ cpu, runs, retval, fault }) => [cpu, runs, retval, fault])).toEqual([
      [0, 50_000, 7, null],
      [1, 50_000, 7, null],
    ]);
    for (const { nanoseconds } of results) expect(nanoseconds).toBeGreaterThan(0);
    expect(counter.at(0)).toBe(100_000);
  });

  it("counts what plain additions lose as lost, and nothing twice", async () => {
    await using kernel = await parallelKernel({ engine });
    const counter = new Numbers(kernel);
    const progFd = counting(kernel, counter.fd, ADD.plain);
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 50_000 });
    expect(counter.at(0)).toBeLessThanOrEqual(100_000);
    expect(counter.at(0)).toBeGreaterThanOrEqual(2);
  });

  it("counts exactly in a value for each CPU, however many executors there are", async () => {
    await using kernel = await parallelKernel({ engine, cpus: 5 });
    const counter = new Numbers(kernel, 1, BpfMapType.PERCPU_ARRAY);
    const progFd = counting(kernel, counter.fd, ADD.plain);
    const results = await kernel.runParallel({ progFd, cpus: [4, 0, 2, 1, 3], repeat: 10_000 });
    expect(results.map(({ cpu }) => cpu)).toEqual([4, 0, 2, 1, 3]);
    expect(counter.ofCpus(0)).toEqual([10_000, 10_000, 10_000, 10_000, 10_000]);
  });

  it("calls back, and goes on with other programs", async () => {
    await using kernel = await parallelKernel({ engine });
    const counter = new Numbers(kernel, 1, BpfMapType.PERCPU_ARRAY);
    const programs = kernel.mapCreate({
      mapType: BpfMapType.PROG_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 4,
    });
    const target = counting(kernel, counter.fd, ADD.plain);
    kernel.mapUpdateElem({ mapFd: programs, key: u32(1), value: u32(target) });
    const progFd = loadText(
      kernel,
      "socket_filter",
      ` r6 = r1\n r2 = map[id:${programs}]\n r3 = 1\n call bpf_tail_call\n r0 = 1\n exit`,
    );
    const repeat = 10_000;
    const results = await kernel.runParallel({ progFd, cpus: [0, 1], repeat });
    expect(results.map(({ retval }) => retval)).toEqual([7, 7]);
    expect(counter.ofCpus(0)).toEqual([repeat, repeat]);
    // A program that came later is there, too; the one that it replaces is gone from all executors.
    const other = loadText(kernel, "socket_filter", " r0 = 3\n exit");
    kernel.mapUpdateElem({ mapFd: programs, key: u32(1), value: u32(other) });
    kernel.port.close(target);
    const again = await kernel.runParallel({ progFd, cpus: [0, 1], repeat });
    expect(again.map(({ retval }) => retval)).toEqual([3, 3]);
    kernel.mapDeleteElem({ mapFd: programs, key: u32(1) });
    expect((await kernel.runParallel({ progFd, cpus: [1] })).map(({ retval }) => retval)).toEqual([1]);
  });

  it("runs on a packet and a context of its own", async () => {
    await using kernel = await parallelKernel({ engine });
    // Each run adds 1 to the packet's first byte, and gives it back.
    const progFd = loadText(
      kernel,
      "xdp",
      ` r2 = *(u32 *)(r1 + 4)
        r1 = *(u32 *)(r1 + 0)
        r3 = r1
        r3 += 14
        if r3 > r2 goto out
        r0 = *(u8 *)(r1 + 0)
        r0 += 1
        *(u8 *)(r1 + 0) = r0
        exit
      out:
        r0 = 0
        exit`,
    );
    const dataIn = new Uint8Array(64).fill(5);
    const results = await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 100, dataIn });
    expect(results.map(({ retval }) => retval)).toEqual([105, 105]);
  });

  it("runs on the arguments that it is given", async () => {
    await using kernel = await parallelKernel({ engine });
    const progFd = loadText(kernel, "raw_tracepoint", " r0 = *(u64 *)(r1 + 8)\n exit");
    const ctxIn = new Uint8Array(new BigUint64Array([3n, 9n]).buffer);
    const results = await kernel.runParallel({ progFd, cpus: [1, 0], ctxIn });
    expect(results.map(({ retval }) => retval)).toEqual([9, 9]);
    await expect(kernel.runParallel({ progFd, cpus: [0], ctxIn: new Uint8Array(8) })).rejects.toThrow(
      "EINVAL",
    );
  });

  it("finds elements of hash tables that are new, and maps in maps", async () => {
    await using kernel = await parallelKernel({ engine });
    const inner = () =>
      kernel.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 8 });
    const first = inner();
    const outer = kernel.mapCreate({
      mapType: BpfMapType.ARRAY_OF_MAPS,
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      innerMapFd: first,
    });
    kernel.mapUpdateElem({ mapFd: outer, key: u32(0), value: u32(first) });
    const progFd = loadText(
      kernel,
      "socket_filter",
      `${lookup(outer, 0)}
        r1 = r0
        *(u32 *)(r10 - 4) = 2
        r2 = r10
        r2 += -4
        *(u64 *)(r10 - 16) = 11
        r3 = r10
        r3 += -16
        r4 = 0
        call bpf_map_update_elem
      out:
        r0 = 0
        exit`,
    );
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 1000 });
    expect(kernel.mapLookupElem({ mapFd: first, key: u32(2) })![0]).toBe(11);
    const second = inner();
    kernel.mapUpdateElem({ mapFd: outer, key: u32(0), value: u32(second) });
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 1000 });
    expect(kernel.mapLookupElem({ mapFd: second, key: u32(2) })![0]).toBe(11);
  });
});

describe("what programs are told on other executors", () => {
  it("is the CPU, the caller's task, the time of the kernel's thread", async () => {
    await using kernel = await parallelKernel({ seed: 1 });
    const facts = new Numbers(kernel, 4, BpfMapType.PERCPU_ARRAY);
    const store = (index: number) => ` r6 = r0${lookup(facts.fd, index)}\n *(u64 *)(r0 + 0) = r6`;
    const progFd = loadText(
      kernel,
      "raw_tracepoint",
      ` call bpf_get_smp_processor_id\n${store(0)}
        call bpf_get_current_pid_tgid\n r0 >>= 32\n${store(1)}
        call bpf_ktime_get_ns\n${store(2)}
        call bpf_get_prandom_u32\n${store(3)}
      out:
        r0 = 0
        exit`,
    );
    const before = Math.floor(performance.now() * 1e6);
    await kernel.runParallel({ progFd, cpus: [0, 1] });
    const after = Math.ceil(performance.now() * 1e6);
    expect(facts.ofCpus(0)).toEqual([0, 1]);
    expect(facts.ofCpus(1)).toEqual([kernel.pid, kernel.pid]);
    for (const time of facts.ofCpus(2)) {
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(after);
    }
    const [one, other] = facts.ofCpus(3);
    expect(one).not.toBe(other);
  });

  it("is kept of what they print, in the order of each CPU", async () => {
    await using kernel = await parallelKernel();
    const progFd = loadText(
      kernel,
      "raw_tracepoint",
      ` *(u32 *)(r10 - 8) = 0x25757063
        *(u16 *)(r10 - 4) = 0x64
        call bpf_get_smp_processor_id
        r3 = r0
        r1 = r10
        r1 += -8
        r2 = 6
        call bpf_trace_printk
        r0 = 0
        exit`,
    );
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 3 });
    const lines = kernel.readTracePipe().trim().split("\n");
    expect(lines.length).toBe(6);
    for (const cpu of [0, 1]) expect(lines.filter((line) => line.endsWith(`cpu${cpu}`)).length).toBe(3);
    const times = lines.map((line) => / (\d+\.\d+): /.exec(line)![1]!);
    expect([...times].sort()).toEqual(times);
    // What there is no room for is lost, and told.
    const repeat = 100_000;
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat });
    const text = kernel.readTracePipe();
    const lost = [...text.matchAll(/^CPU:\d \[LOST (\d+) EVENTS\]$/gm)].map(([, count]) => Number(count));
    expect(lost.length).toBe(2);
    expect(lost[0]! + lost[1]! + text.trim().split("\n").length - 2).toBe(2 * repeat);
  });
});

it("counts runs where somebody wants statistics", async () => {
  await using kernel = await parallelKernel();
  const progFd = loadText(kernel, "socket_filter", " r0 = 0\n exit");
  const statistics = () => {
    const { runCnt, runTimeNs } = progInfo(kernel, progFd);
    return [Number(runCnt), Number(runTimeNs)] as const;
  };
  await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 10 });
  expect(statistics()).toEqual([0, 0]);
  const enabled = kernel.enableStats({ type: 0 });
  await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 1000 });
  kernel.port.close(enabled);
  const [runs, time] = statistics();
  expect(runs).toBe(2000);
  expect(time).toBeGreaterThan(0);
});

describe("the kernel's own thread, while others run programs", () => {
  it("answers system calls", async () => {
    await using kernel = await parallelKernel();
    const counter = new Numbers(kernel);
    const progFd = counting(kernel, counter.fd, ADD.atomic);
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: 3_000_000 });
    let seen = 0;
    let done = false;
    running.finally(() => {
      done = true;
    });
    while (!done) {
      const now = counter.at(0);
      expect(now).toBeGreaterThanOrEqual(seen);
      seen = now;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await running;
    expect(counter.at(0)).toBe(6_000_000);
  });

  it("runs programs only as CPUs that nobody has", async () => {
    await using kernel = await parallelKernel({ cpus: 3 });
    const counter = new Numbers(kernel, 1, BpfMapType.PERCPU_ARRAY);
    const progFd = counting(kernel, counter.fd, ADD.plain);
    const other = loadText(kernel, "raw_tracepoint", " r0 = 5\n exit");
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: 10_000 });
    expect(refusal(() => kernel.progTestRun({ progFd, dataIn: new Uint8Array(64) }))).toBe("EBUSY");
    expect(kernel.progTestRun({ progFd: other, flags: 1, cpu: 2 }).retval).toBe(5);
    await expect(kernel.runParallel({ progFd, cpus: [1, 2] })).rejects.toThrow("EBUSY");
    const beside = kernel.runParallel({ progFd, cpus: [2], repeat: 500 });
    await Promise.all([running, beside]);
    expect(counter.ofCpus(0)).toEqual([10_000, 10_000, 500]);
    expect(kernel.progTestRun({ progFd, dataIn: new Uint8Array(64) }).retval).toBe(7);
  });

  it("changes no program array that they use, but may empty it", async () => {
    await using kernel = await parallelKernel();
    const programs = kernel.mapCreate({
      mapType: BpfMapType.PROG_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
    });
    const target = loadText(kernel, "socket_filter", " r0 = 3\n exit");
    const progFd = loadText(
      kernel,
      "socket_filter",
      ` r2 = map[id:${programs}]\n r3 = 0\n call bpf_tail_call\n r0 = 1\n exit`,
    );
    kernel.mapUpdateElem({ mapFd: programs, key: u32(0), value: u32(target) });
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: 300_000 });
    const update = () => kernel.mapUpdateElem({ mapFd: programs, key: u32(1), value: u32(target) });
    expect(refusal(update)).toBe("EBUSY");
    // The program ends while others may be in the midst of it.
    kernel.mapDeleteElem({ mapFd: programs, key: u32(0) });
    kernel.port.close(target);
    for (const { fault, retval } of await running)
      expect([fault, [1, 3].includes(retval)]).toEqual([null, true]);
    expect(refusal(update)).toBe("EBADF");
  });

  it("may close what they run", async () => {
    await using kernel = await parallelKernel();
    const counter = new Numbers(kernel, 1, BpfMapType.PERCPU_ARRAY);
    const before = kernel.memoryUsed;
    const map = kernel.mapCreate({
      mapType: BpfMapType.HASH,
      keySize: 4,
      valueSize: 8,
      maxEntries: 8,
      mapFlags: BpfMapFlag.NO_PREALLOC,
    });
    const progFd = counting(kernel, map, ADD.plain);
    const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: 100_000 });
    kernel.port.close(progFd);
    kernel.port.close(map);
    expect((await running).map(({ runs }) => runs)).toEqual([100_000, 100_000]);
    expect(kernel.progGetNextId({ startId: 0 })).toBeNull();
    expect(counter.at(0)).toBe(0);
    // What the run made (packets) stays for the next one; the map and the program are gone.
    expect(kernel.mapGetNextId({ startId: 0 })).not.toBeNull();
    expect(kernel.memoryUsed).toBeGreaterThanOrEqual(before);
  });
});

it("needs the option executors, and CPUs that there are", async () => {
  const alone = new EmbeddedKernel();
  const progFd = loadText(alone, "socket_filter", " r0 = 0\n exit");
  await expect(alone.runParallel({ progFd, cpus: [0] })).rejects.toThrow("made without the option executors");
  await using kernel = new EmbeddedKernel({ executors: await testExecutors(1) });
  const ours = loadText(kernel, "socket_filter", " r0 = 0\n exit");
  await expect(kernel.runParallel({ progFd: ours, cpus: [1] })).rejects.toThrow(
    "expected CPUs 0 to 0, got 1",
  );
  await expect(kernel.runParallel({ progFd: ours, cpus: [] })).rejects.toThrow("expected CPUs, each once");
  await expect(kernel.runParallel({ progFd: ours, cpus: [0], repeat: 0 })).rejects.toThrow("got 0");
  await expect(kernel.runParallel({ progFd: 99, cpus: [0] })).rejects.toThrow("EBADF");
  expect(() => new EmbeddedKernel({ executors: { count: 64, start: () => undefined as never } })).toThrow(
    "expected 1 to 63 executors, got 64",
  );
});
