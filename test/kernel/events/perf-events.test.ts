import { describe, expect, it } from "vitest";
import { bytesOfHex } from "../../../src/base/index.ts";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import type { RingBatch } from "../../../src/sys/index.ts";
import { BpfMapType, PerfIoctl, PerfRecord, PerfSample, PerfType } from "../../../src/uapi/index.ts";
import { loadText, u32 } from "../support.ts";
import { bpfOutput, clocked, count, perfOpen, store, wordAt, words } from "./support.ts";

const array = (kernel: EmbeddedKernel, maxEntries: number) =>
  kernel.mapCreate({ mapType: BpfMapType.PERF_EVENT_ARRAY, keySize: 4, valueSize: 4, maxEntries });

/** A program that writes so many bytes of its stack to the ring of its CPU; its result is in a map. */
function writer(kernel: EmbeddedKernel, mapFd: number, size: number, result: number): number {
  return loadText(
    kernel,
    "raw_tracepoint",
    `r6 = r1
     *(u64 *)(r10 - 8) = 0x11223344
     *(u64 *)(r10 - 16) = 0x55667788
     r1 = r6
     r2 = map[id:${mapFd}]
     r3 = 0xffffffff ll
     r4 = r10
     r4 += -16
     r5 = ${size}
     call bpf_perf_event_output
     r7 = r0
     ${store(result, 0)}
     r0 = 0
     exit`,
  );
}

describe("the rings of perf events", () => {
  it("carry what programs write, from each CPU to its own", () => {
    const kernel = new EmbeddedKernel({ cpus: 3 });
    const mapFd = array(kernel, 3);
    const fds = [0, 1, 2].map((cpu) => bpfOutput(kernel, mapFd, cpu));
    for (const fd of fds) expect(kernel.port.ringConsume(fd, 1)).toMatchObject({ records: [] });
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: writer(kernel, mapFd, 15, words(kernel)) });
    kernel.fire("rawtracepoint:sched_switch", {}, { cpu: 2 });
    const taken = fds.map((fd) => kernel.port.ringConsume(fd, 16));
    expect(taken.map((batch) => (typeof batch === "number" ? batch : batch.records.length))).toEqual([
      0, 0, 1,
    ]);
    const batch = taken[2] as Exclude<(typeof taken)[number], number>;
    const record = batch.records[0]!;
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    expect([view.getUint32(0, true), view.getUint16(6, true)]).toEqual([PerfRecord.SAMPLE, 32]);
    // 15 bytes, and zeros up to a whole word with the size in front.
    expect(view.getUint32(8, true)).toBe(20);
    expect(view.getUint32(12, true)).toBe(0x55667788);
    batch.release();
  });

  it("lose what finds no room, and say so", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = array(kernel, 1);
    const result = words(kernel);
    const fd = bpfOutput(kernel, mapFd, 0);
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: writer(kernel, mapFd, 8, result) });
    const fire = () => {
      kernel.fire("rawtracepoint:sched_switch");
      return BigInt.asIntN(64, wordAt(kernel, result, 0));
    };
    // No ring yet.
    expect(fire()).toBe(-28n);
    const mapping = kernel.port.map(fd, 0, 2 * 4096, { write: true });
    if (typeof mapping === "number") throw new Error(`map: ${mapping}`);
    let written = 0;
    while (fire() === 0n) written++;
    // 24 bytes each: header, size, 12 of data; one byte stays free.
    expect(written).toBe(Math.floor(4095 / 24));
    fire();
    expect(mapping.load32(1024)).toBe(written * 24);
    mapping.store32(1032, written * 24);
    expect(fire()).toBe(0n);
    const batch = kernel.port.ringConsume(fd, 16);
    if (typeof batch === "number") throw new Error(`ring: ${batch}`);
    expect(batch.lost).toBe(2);
    expect(batch.records.map((record) => record[0])).toEqual([PerfRecord.LOST, PerfRecord.SAMPLE]);
    mapping.close();
  });

  it("wake those who wait", async () => {
    const kernel = new EmbeddedKernel();
    const mapFd = array(kernel, 1);
    const fd = bpfOutput(kernel, mapFd, 0);
    (kernel.port.ringConsume(fd, 1) as { release(): void }).release();
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: writer(kernel, mapFd, 8, words(kernel)) });
    const waiting = kernel.port.wait([fd], 10_000);
    kernel.fire("rawtracepoint:sched_switch");
    expect(await waiting).toEqual([fd]);
    expect(await kernel.port.wait([fd], 0)).toEqual([]);
  });

  it("refuse bytes from other CPUs, while they are disabled, and for events that count", () => {
    const kernel = new EmbeddedKernel({ cpus: 2 });
    const mapFd = array(kernel, 2);
    const result = words(kernel);
    const fd = bpfOutput(kernel, mapFd, 0);
    kernel.port.ringConsume(fd, 1);
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: writer(kernel, mapFd, 8, result) });
    const fire = (cpu: number) => {
      kernel.fire("rawtracepoint:sched_switch", {}, { cpu });
      return Number(BigInt.asIntN(64, wordAt(kernel, result, 0)));
    };
    expect([fire(0), fire(1)]).toEqual([0, -2]);
    kernel.port.ioctl(fd, PerfIoctl.DISABLE, 0);
    expect(fire(0)).toBe(-95);
  });
});

describe("the program of the book's page 30", () => {
  it("runs on CPU n, and its 15 bytes arrive in ring n", () => {
    const kernel = new EmbeddedKernel({ cpus: 4 });
    const mapFd = array(kernel, 4);
    const fds = [0, 1, 2, 3].map((cpu) => bpfOutput(kernel, mapFd, cpu));
    for (const fd of fds) kernel.port.ringConsume(fd, 1);
    const text = `
      r6 = r1
      r1 = 29810
      *(u16 *)(r10 - 4) = r1
      r1 = 1635021632
      *(u32 *)(r10 - 8) = r1
      r1 = 20002
      *(u64 *)(r10 - 16) = r1
      r1 = 0
      *(u8 *)(r10 - 2) = r1
      r7 = map[id:${mapFd}]
      call bpf_get_smp_processor_id
      r4 = r10
      r4 += -16
      r1 = r6
      r2 = r7
      r3 = r0
      r5 = 15
      call bpf_perf_event_output
      r0 = 0
      exit`;
    const progFd = loadText(kernel, "kprobe", text);
    const event = kernel.port;
    const type = Number(
      new TextDecoder().decode(event.readFile("/sys/bus/event_source/devices/kprobe/type") as Uint8Array),
    );
    const name = new TextEncoder().encode("blk_account_io_done\0");
    const address = event.memory.lend(name);
    const probe = perfOpen(kernel, { type, kprobeFunc: address });
    event.memory.release(address);
    expect(event.ioctl(probe, PerfIoctl.SET_BPF, progFd)).toBe(0);
    const data = bytesOfHex("224e000000000000" + "4073746172740000".slice(0, 14))!;
    for (const cpu of [2, 0, 3]) {
      expect(kernel.fire("function:blk_account_io_done", {}, { cpu }).runs).toBe(1);
      const counts = fds.map((fd) => {
        const batch = kernel.port.ringConsume(fd, 4);
        if (typeof batch === "number") throw new Error(`ring: ${batch}`);
        const found = batch.records.map((record) => record.slice(12, 27));
        batch.release();
        return found;
      });
      expect(counts.map(({ length }) => length)).toEqual(fds.map((_, index) => (index === cpu ? 1 : 0)));
      expect(counts[cpu]![0]).toEqual(data);
    }
  });
});

describe("perf events that sample", () => {
  it("run their program with registers, period and address", () => {
    const kernel = new EmbeddedKernel({ cpus: 2 });
    const mapFd = words(kernel);
    const text = `
      r6 = r1
      r7 = *(u64 *)(r6 + 168)
      ${store(mapFd, 0)}
      r7 = *(u64 *)(r6 + 176)
      ${store(mapFd, 1)}
      r7 = *(u64 *)(r6 + 128)
      ${store(mapFd, 2)}
      r0 = 0
      exit`;
    const progFd = loadText(kernel, "perf_event", text);
    const fd = perfOpen(kernel, { type: PerfType.SOFTWARE, config: 2, samplePeriod: 10 }, { cpu: 1 });
    expect(kernel.port.ioctl(fd, PerfIoctl.SET_BPF, progFd)).toBe(0);
    const facts = { address: 0x7fff_1000n, registers: { ip: 0x40_0000n } };
    expect(kernel.fire("software:page-faults", { ...facts, count: 9 }, { cpu: 1 }).runs).toBe(0);
    expect(kernel.fire("software:page-faults", facts, { cpu: 0 }).runs).toBe(0);
    expect(kernel.fire("software:page-faults", facts, { cpu: 1 }).runs).toBe(1);
    expect([0, 1, 2].map((index) => wordAt(kernel, mapFd, index))).toEqual([10n, 0x7fff_1000n, 0x40_0000n]);
    expect(kernel.fire("software:page-faults", { ...facts, count: 25 }, { cpu: 1 }).runs).toBe(2);
  });

  it("of a clock do so as time passes", () => {
    const { clock, kernel } = clocked({ cpus: 2 });
    const mapFd = words(kernel);
    const progFd = loadText(kernel, "perf_event", `${count(mapFd)}\nr0 = 0\nexit`);
    const attr = { type: PerfType.SOFTWARE, config: 0, sampleFreq: 100, freq: 1, disabled: 1 };
    const fd = perfOpen(kernel, attr, { cpu: 1 });
    kernel.port.ioctl(fd, PerfIoctl.SET_BPF, progFd);
    const countAfter = (milliseconds: number) => {
      clock.now += milliseconds * 1e6;
      kernel.runTimers();
      return wordAt(kernel, mapFd, 0);
    };
    expect(countAfter(100)).toBe(0n);
    kernel.port.ioctl(fd, PerfIoctl.ENABLE, 0);
    expect([countAfter(9), countAfter(1), countAfter(10), countAfter(15), countAfter(5)]).toEqual([
      0n,
      1n,
      2n,
      3n,
      4n,
    ]);
    // However late.
    expect(countAfter(100)).toBe(5n);
    kernel.port.ioctl(fd, PerfIoctl.DISABLE, 0);
    expect(countAfter(100)).toBe(5n);
    const bytes = kernel.port.read(fd, 8) as Uint8Array;
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(140_000_000n);
  });

  it("by themselves where the clock is the platform's", async () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const progFd = loadText(kernel, "perf_event", `${count(mapFd)}\nr0 = 0\nexit`);
    const fd = perfOpen(kernel, { type: PerfType.SOFTWARE, config: 0, samplePeriod: 2_000_000 });
    kernel.port.ioctl(fd, PerfIoctl.SET_BPF, progFd);
    const started = performance.now();
    let counted = 0n;
    while (counted < 3n && performance.now() - started < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      counted = wordAt(kernel, mapFd, 0);
    }
    const elapsed = performance.now() - started;
    kernel.port.close(fd);
    expect(counted).toBeGreaterThan(2n);
    // At most one in two milliseconds.
    expect(Number(counted)).toBeLessThan(elapsed / 2 + 2);
  });

  describe.each(["interp", "jit"] as const)("of a processor, %s", (engine) => {
    const openOn = (kernel: EmbeddedKernel, cpu: number) =>
      perfOpen(kernel, { type: PerfType.HARDWARE, config: 1, readFormat: 3 }, { cpu });
    const counted = (kernel: EmbeddedKernel, fd: number) =>
      new BigUint64Array((kernel.port.read(fd, 24) as Uint8Array).buffer)[0];

    it("count the instructions of programs", () => {
      const kernel = new EmbeddedKernel({ cpus: 2, engine });
      const fds = [openOn(kernel, 0), openOn(kernel, 1)];
      const progFd = loadText(kernel, "raw_tracepoint", "r0 = 1\nr0 += 1\nr0 += 1\nexit");
      kernel.rawTracepointOpen({ name: "sched_switch", progFd });
      for (let i = 0; i < 3; i++) kernel.fire("rawtracepoint:sched_switch", {}, { cpu: 1 });
      expect(fds.map((fd) => counted(kernel, fd))).toEqual([0n, 12n]);
      expect((kernel.port.read(fds[1]!, 24) as Uint8Array).length).toBe(24);
      expect(perfOpen(kernel, { type: PerfType.HARDWARE, config: 3 })).toBe(-2);
      kernel.exit();
    });

    it("count those of functions, loops and tail calls, of programs that were compiled before", () => {
      const kernel = new EmbeddedKernel({ cpus: 1, engine });
      const programs = kernel.mapCreate({
        mapType: BpfMapType.PROG_ARRAY,
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
      });
      const target = loadText(kernel, "raw_tracepoint", "r0 = 5\nr0 += 1\nexit");
      kernel.mapUpdateElem({ mapFd: programs, key: u32(0), value: u32(target) });
      // 3, then 10 times round a loop of 3, 3 in the function, 4 with the call, and 3 of the target.
      const head = loadText(
        kernel,
        "raw_tracepoint",
        `r6 = r1
         r7 = 10
         r8 = 0
         r8 += r7
         r7 += -1
         if r7 != 0 goto -3
         r1 = r8
         call pc+7
         r1 = r6
         r2 = map[id:${programs}]
         r3 = 0
         call bpf_tail_call
         r0 = 0
         exit
         r0 = r1
         r0 += 1
         exit`,
      );
      kernel.rawTracepointOpen({ name: "sched_switch", progFd: head });
      const fire = (times: number) => {
        for (let i = 0; i < times; i++) kernel.fire("rawtracepoint:sched_switch", {}, { cpu: 0 });
      };
      // Often enough to be optimised.
      fire(6000);
      const fd = openOn(kernel, 0);
      fire(1);
      const once = counted(kernel, fd)!;
      expect(once).toBe(3n + 30n + 2n + 3n + 4n + 3n);
      fire(6000);
      expect(counted(kernel, fd)).toBe(6001n * once);
      kernel.port.close(fd);
      fire(10);
      const again = openOn(kernel, 0);
      fire(2);
      expect(counted(kernel, again)).toBe(2n * once);
      kernel.exit();
    });
  });

  it("are read by programs", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = array(kernel, 2);
    const result = words(kernel);
    const fd = perfOpen(kernel, { type: PerfType.SOFTWARE, config: 2 });
    kernel.mapUpdateElem({ mapFd, key: u32(1), value: u32(fd) });
    kernel.fire("software:page-faults", { count: 7 });
    const read = (index: number) => `
      r1 = map[id:${mapFd}]
      r2 = ${index}
      r3 = r10
      r3 += -32
      r4 = 24
      call bpf_perf_event_read_value
      r7 = r0
      ${store(result, 2 * index)}
      r7 = *(u64 *)(r10 - 32)
      ${store(result, 2 * index + 1)}`;
    const text = `${read(0)}\n${read(1)}\nr0 = 0\nexit`;
    kernel.rawTracepointOpen({ name: "sched_switch", progFd: loadText(kernel, "raw_tracepoint", text) });
    kernel.fire("rawtracepoint:sched_switch");
    const found = [0, 1, 2, 3].map((index) => BigInt.asIntN(64, wordAt(kernel, result, index)));
    expect(found).toEqual([-2n, 0n, 0n, 7n]);
  });

  it("write what they are asked for", () => {
    const { clock, kernel } = clocked({ cpus: 2 });
    clock.now = 5000;
    const sampleType =
      PerfSample.IP | PerfSample.TID | PerfSample.TIME | PerfSample.ADDR | PerfSample.CPU | PerfSample.PERIOD;
    const attr = { type: PerfType.SOFTWARE, config: 2, samplePeriod: 1, sampleType };
    const fd = perfOpen(kernel, attr, { cpu: 1 });
    kernel.port.ringConsume(fd, 1);
    const task = kernel.tasks.create({ pid: 21, tgid: 20 });
    kernel.fire("software:page-faults", { address: 0xabcn }, { cpu: 1, task });
    const batch = kernel.port.ringConsume(fd, 1) as RingBatch;
    const record = batch.records[0]!.slice();
    expect([...new BigUint64Array(record.buffer)].slice(1)).toEqual([
      0n,
      (21n << 32n) | 20n,
      5000n,
      0xabcn,
      1n,
      1n,
    ]);
  });
});
