import { afterAll, beforeAll, expect, it } from "vitest";
import { linuxTypes } from "../../../src/node/index.ts";
import { encodeStruct, type StructInput } from "../../../src/sys/index.ts";
import { BpfAttachType, PerfIoctl, PerfType, perfEventAttr } from "../../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { Pair, room, type Side, Twins } from "../twins.ts";
import { Stage } from "./stage.ts";

type Attr = StructInput<typeof perfEventAttr>;

describeWith([liveKernel("6.18")], "perf events, as on Linux", async () => {
  const twins = await Twins.meet({ btf: linuxTypes() });
  const stage = await Stage.set(twins);
  const programs: Record<string, Pair> = {};
  let trace: Pair;
  let clock: Pair;
  let output: Pair;
  let map: Pair;

  beforeAll(() => {
    for (const type of ["tracepoint", "kprobe", "perf_event", "raw_tracepoint", "xdp"])
      programs[type] = load(twins, type, "r0 = 0\nexit");
    trace = stage.trace("sched/sched_process_exec");
    clock = stage.perf({ type: PerfType.SOFTWARE, config: 0, disabled: 1 });
    output = stage.perf({ type: PerfType.SOFTWARE, config: 10, sampleType: 1024, samplePeriod: 1 });
    map = twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: 2 });
  });
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  /** perf_event_open(2) on both; what is granted is closed. */
  const open = (
    what: string,
    attr: Attr | ((side: Side) => Attr),
    { pid = -1, cpu = 0, group = -1, flags = 8, size = 136, tail = 0 } = {},
  ) =>
    twins.both(what, (side) => {
      const bytes = new Uint8Array(Math.max(size, 136) + 8);
      bytes.set(encodeStruct(perfEventAttr, { size, ...(typeof attr === "function" ? attr(side) : attr) }));
      if (tail !== 0) bytes[136] = tail;
      const fd = side.port.perfEventOpen(bytes, pid, cpu, group, flags);
      if (fd >= 0) side.port.close(fd);
      return [Math.min(fd, 0), fd === -7 ? new DataView(bytes.buffer).getUint32(4, true) : 0];
    });

  it("are opened, or refused", () => {
    const software = { type: PerfType.SOFTWARE, config: 10 };
    // No processor's counters are compared, nor its debug registers, nor events that the tracer has for itself.
    for (const config of [0, 1, 2, 5, 9, 10, 11, 12, 13, 99, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn])
      open(`software ${config}`, { type: PerfType.SOFTWARE, config });
    for (const type of [6, 7, 99, 0xffff_ffff])
      for (const config of [0, 1, 2]) open(`type ${type}, ${config}`, { type, config });
    for (const size of [0, 1, 8, 63, 64, 72, 100, 112, 136]) open(`size ${size}`, software, { size });
    for (const size of [137, 144, 4096, 4097])
      for (const tail of [0, 1]) open(`size ${size}, ${tail}`, software, { size, tail });
    for (let bit = 0; bit < 32; bit++) open(`flag ${bit}`, software, { flags: (1 << bit) | 0 });
    for (const cpu of [-2, -1, 0, twins.kernel.possibleCpus(), 9999])
      for (const pid of [-2, -1, 0, 0x3fff_fff0]) open(`cpu ${cpu}, pid ${pid}`, software, { cpu, pid });
    for (const group of [0, 9999]) open(`group ${group}`, software, { group });
    for (let bit = 0; bit < 34; bit++) {
      // What asks the processor for its branches, or for more than a sample has here.
      if ([11, 12, 13, 18, 21].includes(bit)) continue;
      open(`sample type ${bit}`, { ...software, sampleType: 1n << BigInt(bit) });
    }
    for (let bit = 0; bit < 8; bit++) open(`read format ${bit}`, { ...software, readFormat: 1 << bit });
    for (const samplePeriod of [0, 1, 1n << 62n, 1n << 63n])
      open(`period ${samplePeriod}`, { ...software, samplePeriod });
    for (const sampleFreq of [0, 1, 1000, 1_000_000_000])
      open(`frequency ${sampleFreq}`, { ...software, sampleFreq, freq: 1 });
    for (const Reserved1 of [1, 2]) open(`reserved ${Reserved1}`, { ...software, Reserved1 });
    open("reserved 2", { ...software, Reserved2: 1 });
    open("signals", { ...software, sigtrap: 1 });
    open("signals that end", { ...software, sigtrap: 1, removeOnExec: 1 });
    open("both ends", { ...software, enableOnExec: 1, removeOnExec: 1 });
    for (const id of [0, 0x7fff_ffff, 0xffff_ffffn, 1n << 32n])
      open(`trace event ${id}`, { type: PerfType.TRACEPOINT, config: id });
    open("a trace event", (side) => ({
      type: PerfType.TRACEPOINT,
      config: stage.eventId(side, "sched/sched_switch"),
    }));
    expect(twins.taken()).toEqual([]);
  });

  const ioctl = (what: string, fd: Pair | number, request: number, argument: Pair | number | bigint) =>
    twins.both(what, (side) => {
      const number = fd instanceof Pair ? side.of(fd) : fd;
      return side.port.ioctl(number, request, argument instanceof Pair ? side.of(argument) : argument);
    });

  it("take one program of their type", () => {
    const events = { trace, clock, output };
    for (const [name, event] of Object.entries(events)) {
      for (const [type, program] of [
        ...Object.entries(programs),
        ["map", map],
        ["none", 9999],
        ["0", 0],
      ] as const) {
        const again = stage.perf((side) =>
          name === "trace"
            ? { type: PerfType.TRACEPOINT, config: stage.eventId(side, "sched/sched_process_exec") }
            : { type: PerfType.SOFTWARE, config: name === "clock" ? 0 : 10 },
        );
        ioctl(`${type} to ${name}`, again, PerfIoctl.SET_BPF, program);
        ioctl(`${type} to ${name}, again`, again, PerfIoctl.SET_BPF, program);
        // Another event of the same tracepoint does not run the same program twice.
        ioctl(`${type} to another ${name}`, event, PerfIoctl.SET_BPF, program);
        twins.close(again);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("are told what to do", () => {
    for (const [name, event] of Object.entries({
      trace,
      clock,
      output,
      program: programs["xdp"]!,
      bad: 9999,
    })) {
      for (const [request, number] of Object.entries(PerfIoctl)) {
        if (["SET_BPF", "QUERY_BPF", "SET_FILTER", "MODIFY_ATTRIBUTES", "ID", "REFRESH"].includes(request))
          continue;
        for (const argument of [0, 1, 9999, -1])
          ioctl(`${request} ${argument} of ${name}`, event, number, argument);
      }
      ioctl(`nothing of ${name}`, event, 0x1234, 0);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("tell which programs their tracepoint has", () => {
    const many = Array.from({ length: 5 }, () => load(twins, "tracepoint", "r0 = 1\nexit"));
    const events = many.map(() => stage.trace("task/task_rename"));
    for (const [index, event] of events.entries()) {
      ioctl("attach", event, PerfIoctl.SET_BPF, many[index]!);
      for (const length of [0, 1, 3, 5, 8, 64, 65]) {
        for (const fd of [event, clock, output]) {
          twins.both(`${index + 1} of ${length}`, (side) => {
            const bytes = room(8 + 4 * 65);
            new DataView(bytes.buffer).setUint32(0, length, true);
            const address = side.port.memory.lend(bytes);
            const result = side.port.ioctl(side.of(fd), PerfIoctl.QUERY_BPF, address);
            side.port.memory.release(address);
            const ids = [...new Uint32Array(bytes.buffer, 8)];
            const names = ids.map((id) => (id === 0 || id === 0xaaaa_aaaa ? id : orderOf(side, id)));
            return [result, new DataView(bytes.buffer).getUint32(4, true), names];
          });
        }
      }
    }
    ioctl("a bad address", events[0]!, PerfIoctl.QUERY_BPF, 0x10);
    // The first goes: the others keep their order.
    twins.close(events[0]!);
    twins.both("without the first", (side) => {
      const bytes = room(8 + 4 * 8);
      new DataView(bytes.buffer).setUint32(0, 8, true);
      const address = side.port.memory.lend(bytes);
      side.port.ioctl(side.of(events[1]!), PerfIoctl.QUERY_BPF, address);
      side.port.memory.release(address);
      return [...new Uint32Array(bytes.buffer, 4)].map((id, index) =>
        index === 0 || id === 0 ? id : orderOf(side, id),
      );
    });
    for (const each of [...events.slice(1), ...many]) twins.close(each);
    expect(twins.taken()).toEqual([]);
  });

  const orders = new Map<Side, number[]>();
  /** Ids by the order in which they were first seen. */
  const orderOf = (side: Side, id: number): number => {
    const seen = orders.get(side) ?? [];
    orders.set(side, seen);
    if (!seen.includes(id)) seen.push(id);
    return seen.indexOf(id) + 1000;
  };

  it("have their places in arrays", () => {
    const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
    const value = (pair: Pair | number) => (side: Side) =>
      new Uint8Array(Uint32Array.of(pair instanceof Pair ? side.of(pair) : pair).buffer);
    const untouched = { ignore: ["value"] } as const;
    for (const flags of [0, 1, 2, 3]) {
      for (const fd of [output, clock, trace, programs["xdp"]!, map, 9999])
        for (const index of [0, 1, 2])
          twins.call("MAP_UPDATE_ELEM", { mapFd: map, key: key(index), value: value(fd), flags }, untouched);
    }
    for (const index of [0, 1, 2]) {
      twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: key(index), value: room(4) });
      for (let i = 0; i < 2; i++) twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(index) });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("links are for events of the program's type, once", () => {
    for (const targetFd of [trace, clock, output]) {
      for (const progFd of Object.values(programs)) {
        const fields = { progFd, targetFd, attachType: BpfAttachType.PERF_EVENT };
        const first = twins.open("LINK_CREATE", fields);
        const second = twins.open("LINK_CREATE", fields);
        for (const link of [first, second]) if (link !== null) twins.close(link);
      }
    }
    expect(twins.taken()).toEqual([]);
  });
});
