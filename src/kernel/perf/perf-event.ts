import { PerfFormat } from "../../uapi/index.ts";
import type { Attachment, EventCall } from "../hooks/event-call.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { KernelTask } from "../tasks/task.ts";
import { wordBytes } from "../word-bytes.ts";
import type { PerfAttr } from "./perf-attr.ts";
import type { PerfRing } from "./perf-ring.ts";

/** Where a kprobe or uprobe is, as `perf_event_open` was told. */
export interface ProbePlace {
  readonly kind: "kprobe" | "uprobe";
  /** Of the function, or the path of the file. */
  readonly name: string;
  /** In bytes, from the start of the function or file. */
  readonly offset: bigint;
  readonly onReturn: boolean;
  /** Where an address was told instead of a name: then Linux tells no name, either. */
  readonly address?: bigint;
}

/** What it counts. */
export type PerfSource =
  | { readonly kind: "trace"; readonly call: EventCall; readonly probe: ProbePlace | null }
  | { readonly kind: "software"; readonly config: number }
  | { readonly kind: "clock"; readonly config: number }
  | { readonly kind: "hardware"; readonly config: number };

/** What an event is made of. */
export interface PerfParts {
  readonly attr: PerfAttr;
  readonly source: PerfSource;
  /** -1: whichever its task runs on. */
  readonly cpu: number;
  /** Null: whoever runs on its CPU. */
  readonly task: KernelTask | null;
  /** What read(2) and samples call it, above 0. */
  readonly number: number;
  /** Nanoseconds since boot. */
  readonly clock: () => number;
  /** Takes it from where it counts. */
  readonly close: (event: PerfEvent) => void;
  /** Tells who counts time of a change of state. */
  readonly changed: (event: PerfEvent) => void;
}

/** A perf event (`struct perf_event`): a counter on a CPU, of a task or both, that may sample and run a program. */
export class PerfEvent extends KernelObject {
  readonly kind = "perf";
  readonly parts: PerfParts;
  /** What its program is called with; null where it has none. */
  attachment: Attachment | null = null;
  ring: PerfRing | null = null;
  /** Open mappings of the ring: it ends with the last. */
  mappings = 0;
  /** `PERF_EVENT_IOC_PAUSE_OUTPUT` */
  paused = false;
  /** The event in whose ring its samples go (`PERF_EVENT_IOC_SET_OUTPUT`); null: its own. */
  output: PerfEvent | null = null;
  /** A sample every so many; 0: none. */
  period: bigint;
  /** Counted since the last sample. */
  left = 0n;
  #count = 0n;
  #enabled: boolean;
  /** Since when it counts, and what it did before, in nanoseconds. */
  #since: number;
  #time = 0;

  constructor(parts: PerfParts) {
    super(0);
    this.parts = parts;
    const { attr } = parts;
    this.period = attr.freq === 0 ? attr.samplePeriod : periodOf(attr.sampleFreq);
    this.#enabled = attr.disabled === 0;
    this.#since = parts.clock();
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  set enabled(enabled: boolean) {
    if (enabled === this.#enabled) return;
    const now = this.parts.clock();
    if (this.#enabled) this.#time += now - this.#since;
    this.#since = now;
    this.#enabled = enabled;
    this.parts.changed(this);
  }

  /** Nanoseconds in which it was enabled. */
  get timeEnabled(): number {
    return this.#time + (this.#enabled ? this.parts.clock() - this.#since : 0);
  }

  get count(): bigint {
    return this.parts.source.kind === "clock" ? BigInt(Math.floor(this.timeEnabled)) : this.#count;
  }

  add(count: bigint): void {
    this.#count += count;
  }

  reset(): void {
    this.#count = 0n;
    this.#time = 0;
    this.#since = this.parts.clock();
  }

  /** Whether it counts what happens on a CPU while a task runs there. */
  counts(cpu: number, task: KernelTask): boolean {
    return this.#enabled && this.isAt(cpu, task);
  }

  /** Whether it is one of a CPU and a task. */
  isAt(cpu: number, task: KernelTask): boolean {
    const { parts } = this;
    return (parts.cpu === -1 || parts.cpu === cpu) && (parts.task === null || parts.task === task);
  }

  /** Takes over what its program is called with; the reference to the program is the event's from now on. */
  attach(program: KernelProgram, cookie: bigint): void {
    this.attachment = { program: program.get(), cookie };
  }

  detach(): void {
    const { attachment, parts } = this;
    if (attachment === null) return;
    this.attachment = null;
    if (parts.source.kind === "trace") parts.source.call.detach(attachment.program);
    attachment.program.put();
  }

  /** What read(2) gives (`perf_read_one`). */
  values(): Uint8Array {
    const format = Number(this.parts.attr.readFormat);
    const asked = (bit: number, word: bigint) => ((format & bit) === 0 ? [] : [word]);
    const time = BigInt(Math.floor(this.timeEnabled));
    const times = [
      ...asked(PerfFormat.TOTAL_TIME_ENABLED, time),
      ...asked(PerfFormat.TOTAL_TIME_RUNNING, time),
    ];
    const own = [...asked(PerfFormat.ID, BigInt(this.parts.number)), ...asked(PerfFormat.LOST, 0n)];
    // A group of one: how many it has comes first, and the times are the group's.
    const isGroup = (format & PerfFormat.GROUP) !== 0;
    return wordBytes(isGroup ? [1n, ...times, this.count, ...own] : [this.count, ...times, ...own]);
  }

  protected override destroy(): void {
    this.detach();
    this.parts.close(this);
    this.output?.put();
  }
}

const SECOND = 1_000_000_000n;

/** The period in nanoseconds for a rate in samples a second. */
function periodOf(rate: bigint): bigint {
  return rate === 0n ? 0n : SECOND / rate;
}
