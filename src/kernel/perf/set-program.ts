import { BpfProgFlag, BpfProgType, Errno } from "../../uapi/index.ts";
import type { EventCall } from "../hooks/event-call.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import type { PerfEvent } from "./perf-event.ts";

/** `__perf_event_set_bpf_prog`: gives an event its program. The event holds it. */
export function setProgram(event: PerfEvent, program: KernelProgram, cookie: bigint): void {
  const { source } = event.parts;
  if (source.kind !== "trace") {
    setHandler(event, program, cookie);
    return;
  }
  const { call } = source;
  const isProbe = call.kind === "kprobe" || call.kind === "uprobe";
  if (program.parts.type !== (isProbe ? BpfProgType.KPROBE : BpfProgType.TRACEPOINT)) refuse(Errno.EINVAL);
  const sleepable = (program.parts.flags & BpfProgFlag.SLEEPABLE) !== 0;
  if (sleepable && call.kind !== "uprobe") refuse(Errno.EINVAL);
  if (!isProbe && program.parts.maxContextOffset > call.contextSize) refuse(Errno.EACCES);
  attachToCall(event, call, program, cookie);
}

/** `perf_event_attach_bpf_prog` */
function attachToCall(event: PerfEvent, call: EventCall, program: KernelProgram, cookie: bigint): void {
  if (event.attachment !== null) refuse(Errno.EEXIST);
  call.attach({ program, cookie });
  event.attach(program, cookie);
}

/** `perf_event_set_bpf_handler` */
function setHandler(event: PerfEvent, program: KernelProgram, cookie: bigint): void {
  if (event.attachment !== null) refuse(Errno.EEXIST);
  if (program.parts.type !== BpfProgType.PERF_EVENT) refuse(Errno.EINVAL);
  event.attach(program, cookie);
}
