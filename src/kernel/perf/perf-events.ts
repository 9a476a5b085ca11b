import { PAGE_SIZE } from "../../mem/index.ts";
import { BpfMapType, Errno, PerfCountSw } from "../../uapi/index.ts";
import type { EventCall } from "../hooks/event-call.ts";
import type { CountFacts, EventMachine, EventPlace } from "../hooks/event-machine.ts";
import { Firing } from "../hooks/firing.ts";
import { fillRegisters } from "../hooks/registers.ts";
import { KernelStruct } from "../kernel-struct.ts";
import type { KernelMap } from "../objects/map.ts";
import { HARDWARE_COUNTERS } from "./counters.ts";
import { PerfClock } from "./perf-clock.ts";
import type { PerfEvent } from "./perf-event.ts";
import { PerfRing } from "./perf-ring.ts";
import { sampleRecord } from "./sample.ts";

/** Pages of records that a ring has that nobody gave a size. */
const DEFAULT_PAGES = 64;

const NOTHING = new Uint8Array(0);

/** The perf events of a kernel: what they count, what they sample, and whose programs run for it. */
export class PerfEvents {
  readonly #machine: EventMachine;
  readonly #counters = new Set<PerfEvent>();
  /** By what they count. */
  readonly #watching = new Map<EventCall, Set<PerfEvent>>();
  readonly #clock: PerfClock;
  #lastNumber = 0;

  /** @param realTime whether the kernel's clock goes on by itself. */
  constructor(machine: EventMachine, realTime: boolean) {
    this.#machine = machine;
    this.#clock = new PerfClock(machine, realTime, (event, cpu) => this.#tick(event, cpu));
  }

  nextNumber(): number {
    return ++this.#lastNumber;
  }

  /** Takes in an event that counts something else than a trace event. */
  add(event: PerfEvent): void {
    this.#counters.add(event);
    this.#lookAtCounters();
    this.#clock.changed(event);
  }

  /** Whether somebody counts what the CPUs of this kernel execute: programs. */
  get countsInstructions(): boolean {
    return this.#machine.executor.counting;
  }

  /** A program has executed so many instructions; each takes one cycle. */
  executed(instructions: number): void {
    const firing = new Firing(this.#machine, { cpu: this.#machine.executor.cpu });
    for (const config of HARDWARE_COUNTERS.values())
      this.countMatching("hardware", config, firing, BigInt(instructions), {});
  }

  #lookAtCounters(): void {
    const counters = [...this.#counters];
    this.#machine.executor.counting = counters.some(({ parts }) => parts.source.kind === "hardware");
  }

  /** Takes in an event that counts a trace event or a probe. */
  watch(call: EventCall, event: PerfEvent): void {
    const watching = this.#watching.get(call);
    if (watching === undefined) this.#watching.set(call, new Set([event]));
    else watching.add(event);
  }

  remove(event: PerfEvent): void {
    this.#counters.delete(event);
    this.#lookAtCounters();
    const { source } = event.parts;
    if (source.kind === "trace") {
      const watching = this.#watching.get(source.call);
      watching?.delete(event);
      if (watching?.size === 0) this.#watching.delete(source.call);
    }
    this.#clock.remove(event);
    this.endRing(event);
  }

  /** Nobody sees the ring of an event any more. */
  endRing(event: PerfEvent): void {
    if (event.ring !== null) this.#machine.memory.retire(event.ring.offset);
    event.ring = null;
  }

  changed(event: PerfEvent): void {
    this.#clock.changed(event);
  }

  /** Takes samples of clocks that are due, unless a program runs. */
  run(): void {
    this.#clock.run();
  }

  // --- counting -------------------------------------------------------------------------------------------------

  /** Counts for the perf events of a trace event, a kprobe or a uprobe. */
  count(call: EventCall, firing: EventPlace, count: bigint, facts: CountFacts): void {
    for (const event of this.#watching.get(call) ?? [])
      if (event.counts(firing.cpu, firing.task)) this.#hit(event, firing, count, facts);
  }

  /** Counts for all events of a software or hardware counter. */
  countMatching(
    kind: "software" | "hardware",
    config: number,
    firing: EventPlace,
    count: bigint,
    facts: CountFacts,
  ): void {
    for (const event of this.#counters) {
      const { source } = event.parts;
      const isClock = source.kind === "clock" && kind === "software";
      if ((source.kind !== kind && !isClock) || !("config" in source) || source.config !== config) continue;
      if (event.counts(firing.cpu, firing.task)) this.#hit(event, firing, count, facts);
    }
  }

  /** `perf_swevent_event` */
  #hit(event: PerfEvent, firing: EventPlace, count: bigint, facts: CountFacts): void {
    event.add(count);
    if (event.period === 0n) return;
    event.left += count;
    for (; event.left >= event.period; event.left -= event.period) this.#overflow(event, firing, facts);
  }

  #tick(event: PerfEvent, cpu: number): void {
    const firing = new Firing(this.#machine, { cpu });
    if (event.counts(cpu, firing.task)) firing.there(() => this.#overflow(event, firing, {}));
  }

  /** `__perf_event_overflow`: the program decides whether there is to be a sample. */
  #overflow(event: PerfEvent, firing: EventPlace, facts: CountFacts): void {
    if (event.parts.source.kind !== "trace" && event.attachment !== null) {
      if (!this.#runProgram(event, firing, facts)) return;
    }
    this.#sample(event, firing, facts);
  }

  /** `bpf_overflow_handler`: the context leads to registers and to what the sample says. */
  #runProgram(event: PerfEvent, firing: EventPlace, facts: CountFacts): boolean {
    const machine = this.#machine;
    const { program, cookie } = event.attachment!;
    const { layout, memory, contexts } = machine;
    const sizes = ["bpf_perf_event_data_kern", "perf_sample_data", "pt_regs"].map(
      (name) => (layout.sizeOf(name) + 15) & -16,
    ) as [number, number, number];
    const [kernSize, dataSize, regsSize] = sizes;
    return contexts.use(kernSize + dataSize + regsSize, (block) => {
      const kern = new KernelStruct(memory, layout, "bpf_perf_event_data_kern", block);
      const data = new KernelStruct(memory, layout, "perf_sample_data", block + kernSize);
      const regs = block + kernSize + dataSize;
      const { ip = 0n, user = false, registers = {} } = facts;
      fillRegisters(machine, regs, { ip, user, registers });
      data.set("period", event.period);
      data.set("addr", facts.address ?? 0n);
      kern.point("regs", regs);
      kern.point("data", data.offset);
      return firing.runAlone(program, block, firing.frame({ cookie, ip, regs, event })) !== 0;
    });
  }

  // --- rings ----------------------------------------------------------------------------------------------------

  /** Writes a sample to the event's ring. @returns 0, or -ENOSPC where there is no ring, or no room in it. */
  #sample(event: PerfEvent, { cpu, task, chain }: EventPlace, facts: CountFacts): number {
    const { ring } = event.output ?? event;
    if (ring === null) return -Errno.ENOSPC;
    if (event.paused) return ring.lose();
    const record = sampleRecord(event.parts.attr.sampleType, {
      ip: facts.ip ?? 0n,
      user: facts.user ?? false,
      pid: task.tgid,
      tid: task.pid,
      time: this.#machine.clock(),
      address: facts.address ?? 0n,
      id: BigInt(event.parts.number),
      cpu,
      period: facts.period ?? event.period,
      read: () => event.values(),
      chain: () => chain(false),
      raw: facts.raw ?? NOTHING,
    });
    const result = ring.write(record, BigInt(event.parts.number));
    this.#machine.events.happened();
    return result;
  }

  /** The ring of an event, made with so many pages of records where it has none. ENOMEM. */
  ringOf(event: PerfEvent, pages = DEFAULT_PAGES): PerfRing | null {
    if (event.ring !== null) return event.ring;
    const offset = this.#machine.memory.alloc((pages + 1) * PAGE_SIZE, PAGE_SIZE);
    if (offset === 0) return null;
    const { watermark, wakeupEvents } = event.parts.attr;
    event.ring = new PerfRing(this.#machine.memory, offset, pages, {
      events: watermark === 0 ? wakeupEvents : 0,
      watermark: watermark === 0 ? 0 : wakeupEvents,
    });
    return event.ring;
  }

  // --- helpers --------------------------------------------------------------------------------------------------

  /** `__bpf_perf_event_output`: bytes of a program to the event at a place of an array. */
  output(map: KernelMap, index: number, raw: Uint8Array): number {
    const { cpu } = this.#machine.executor;
    const event = this.#at(map, index);
    if (typeof event === "number") return event;
    const { source } = event.parts;
    if (source.kind !== "software" || source.config !== PerfCountSw.BPF_OUTPUT) return -Errno.EINVAL;
    const firing = new Firing(this.#machine, { cpu });
    // An event of a task, or of another CPU, is there only while that is so (`event->oncpu`).
    if (!event.counts(cpu, firing.task)) return -Errno.EOPNOTSUPP;
    return this.#sample(event, firing, { raw, period: 0n });
  }

  /** The event whose value a helper wants (`get_map_perf_counter`). EINVAL, E2BIG, ENOENT. */
  #at(map: KernelMap, index: number): PerfEvent | number {
    if (map.type !== BpfMapType.PERF_EVENT_ARRAY) return -Errno.EINVAL;
    if (index >= map.parts.maxEntries) return -Errno.E2BIG;
    return (map.events.get(index) as PerfEvent | undefined) ?? -Errno.ENOENT;
  }

  /** As {@link output} looks, for those that read: an event of another CPU cannot be read from here. */
  readable(map: KernelMap, index: number): PerfEvent | number {
    const event = this.#at(map, index);
    if (typeof event === "number") return event;
    const { cpu } = event.parts;
    return cpu !== -1 && cpu !== this.#machine.executor.cpu ? -Errno.EINVAL : event;
  }
}
