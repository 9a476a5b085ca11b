import type { Btf } from "../../btf/index.ts";
import {
  isKnownTracepoint,
  type TraceEvent,
  TraceEvents,
  tracepointArguments,
} from "../../platform/index.ts";
import { EventCall, type LinkProbe } from "./event-call.ts";

/** What stands in `sys_enter` and `sys_exit` for the trace events of all system calls (`perf_syscall_enter`). */
export const SYSTEM_CALLS = Symbol("trace events of system calls");

/** Something that is called when a tracepoint is passed. */
export type TracepointProbe = LinkProbe | EventCall | typeof SYSTEM_CALLS;

/** Most arguments of a tracepoint or a function that programs get (`MAX_BPF_FUNC_ARGS`). */
export const MOST_ARGUMENTS = 12;

/** `struct tracepoint` */
export class Tracepoint {
  readonly name: string;
  /** How many arguments its probes get. */
  readonly args: number;
  /** In the order in which they were registered. */
  probes: readonly TracepointProbe[] = [];

  constructor(name: string, args: number) {
    this.name = name;
    this.args = args;
  }

  add(probe: TracepointProbe): void {
    this.probes = [...this.probes, probe];
  }

  remove(probe: TracepointProbe): void {
    this.probes = this.probes.filter((other) => other !== probe);
  }
}

/** The tracepoints of a kernel, and the trace events that are made of them. */
export class Tracepoints {
  readonly #btf: Btf;
  readonly #points = new Map<string, Tracepoint | null>();
  readonly #calls = new Map<TraceEvent, EventCall>();
  /** Open perf events of entries and exits of system calls, by tracepoint. */
  readonly #systemCalls = new Map<string, number>();
  #events: TraceEvents | undefined;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** What tracefs lists; made when first asked for. */
  get events(): TraceEvents {
    this.#events ??= new TraceEvents(this.#btf);
    return this.#events;
  }

  /** `bpf_get_raw_tracepoint`; null where there is none. Kernels whose types know of none have those of Linux 6.18. */
  find(name: string): Tracepoint | null {
    let point = this.#points.get(name);
    if (point === undefined) {
      point = this.#make(name);
      this.#points.set(name, point);
    }
    return point;
  }

  #make(name: string): Tracepoint | null {
    const described = tracepointArguments(this.#btf, name);
    if (described !== null) return new Tracepoint(name, described);
    const knows = tracepointArguments(this.#btf, "sched_switch") !== null;
    return !knows && isKnownTracepoint(name) ? new Tracepoint(name, MOST_ARGUMENTS) : null;
  }

  /** What perf events of a trace event share. */
  call(event: TraceEvent): EventCall {
    let call = this.#calls.get(event);
    if (call === undefined) {
      const kind = event.syscall === null ? "tracepoint" : "syscall";
      call = new EventCall(kind, event.name, event.size);
      this.#calls.set(event, call);
    }
    return call;
  }

  /** A perf event of a trace event is open: the first registers its probe (`perf_trace_event_reg`). */
  open(event: TraceEvent): void {
    const call = this.call(event);
    call.users++;
    if (event.syscall !== null) this.#countSystemCalls(event.syscall.exit, 1);
    else if (call.users === 1) this.find(event.name)?.add(call);
  }

  /** The last one that is closed takes the probe with it. */
  close(event: TraceEvent): void {
    const call = this.call(event);
    call.users--;
    if (event.syscall !== null) this.#countSystemCalls(event.syscall.exit, -1);
    else if (call.users === 0) this.find(call.name)?.remove(call);
  }

  /** The first event of any system call registers what all of them share, the last takes it away (`perf_sysenter_enable`). */
  #countSystemCalls(exit: boolean, change: 1 | -1): void {
    const name = exit ? "sys_exit" : "sys_enter";
    const before = this.#systemCalls.get(name) ?? 0;
    this.#systemCalls.set(name, before + change);
    if (before === 0) this.find(name)?.add(SYSTEM_CALLS);
    else if (before + change === 0) this.find(name)?.remove(SYSTEM_CALLS);
  }
}
