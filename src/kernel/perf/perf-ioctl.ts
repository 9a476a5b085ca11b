import { Errno, PerfIoctl, PerfType } from "../../uapi/index.ts";
import { perfEventOf } from "../commands/attach-targets.ts";
import { MOST_PROGRAMS } from "../hooks/event-call.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { wordBytes } from "../word-bytes.ts";
import type { PerfEvent } from "./perf-event.ts";
import { setProgram } from "./set-program.ts";

/** ioctl(2) on a perf event. ENOTTY for requests that there are not. */
export function perfIoctl(process: Process, event: PerfEvent, request: number, argument: bigint): number {
  const value = Number(BigInt.asIntN(32, argument));
  switch (request >>> 0) {
    case PerfIoctl.ENABLE:
      event.enabled = true;
      return 0;
    case PerfIoctl.DISABLE:
      event.enabled = false;
      return 0;
    case PerfIoctl.RESET:
      event.reset();
      return 0;
    case PerfIoctl.PERIOD:
      return setPeriod(process, event, argument);
    case PerfIoctl.ID:
      process.write(argument, wordBytes([BigInt(event.parts.number)]));
      return 0;
    case PerfIoctl.SET_OUTPUT:
      return setOutput(process, event, value);
    case PerfIoctl.SET_BPF:
      setProgram(event, process.program(value), 0n);
      return 0;
    case PerfIoctl.PAUSE_OUTPUT:
      if (event.ring === null) refuse(Errno.EINVAL);
      event.paused = argument !== 0n;
      return 0;
    case PerfIoctl.QUERY_BPF:
      return queryPrograms(process, event, argument);
    default:
      return refuse(Errno.ENOTTY);
  }
}

/** `_perf_event_period`: EINVAL for 0, and for events that take no samples. */
function setPeriod(process: Process, event: PerfEvent, address: bigint): number {
  const bytes = process.read(address, 8);
  const period = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (event.period === 0n || period === 0n || period >> 63n !== 0n) refuse(Errno.EINVAL);
  event.period = period;
  event.parts.changed(event);
  return 0;
}

/** `perf_event_set_output`: -1 ends it. EBADF, EINVAL for itself and for another CPU's. */
function setOutput(process: Process, event: PerfEvent, fd: number): number {
  const before = event.output;
  let output: PerfEvent | null = null;
  if (fd !== -1) {
    output = perfEventOf(process, fd);
    if (output === event || output.parts.cpu !== event.parts.cpu) refuse(Errno.EINVAL);
  }
  event.output = output?.get() ?? null;
  before?.put();
  return 0;
}

/** `perf_event_query_prog_array`: how many programs the event's tracepoint has, and the ids of as many as there is room for. */
function queryPrograms(process: Process, event: PerfEvent, address: bigint): number {
  if (!process.may("PERFMON")) refuse(Errno.EPERM);
  const { attr, source } = event.parts;
  if (attr.type !== PerfType.TRACEPOINT || source.kind !== "trace") return refuse(Errno.EINVAL);
  process.read(address, 8);
  const room = process.u32(address);
  if (room > MOST_PROGRAMS) refuse(Errno.E2BIG);
  const ids = source.call.attachments.map(({ program }) => program.id);
  process.writeU32(address + 4n, ids.length);
  const given = new Uint32Array(room);
  given.set(ids.slice(0, room));
  process.write(address + 8n, new Uint8Array(given.buffer));
  return room !== 0 && ids.length > room ? refuse(Errno.ENOSPC) : 0;
}
