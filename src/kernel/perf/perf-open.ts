import { Errno, PerfCountSw, PerfOpenFlag, PerfType } from "../../uapi/index.ts";
import { EventCall } from "../hooks/event-call.ts";
import type { Process } from "../process.ts";
import { Refusal, refuse } from "../refusal.ts";
import type { KernelTask } from "../tasks/task.ts";
import { HARDWARE_COUNTERS, isClock, SOFTWARE_COUNT } from "./counters.ts";
import { checkPeriod, type PerfAttr, readPerfAttr } from "./perf-attr.ts";
import { PerfEvent, type PerfParts, type PerfSource, type ProbePlace } from "./perf-event.ts";

/** Types of events that are given out when a kernel starts: what files of sysfs name. */
export const DynamicPerfType = { CPU_CLOCK: 6, TASK_CLOCK: 7, KPROBE: 8, UPROBE: 9 } as const;

/** `PERF_FLAG_*`, all of them. */
const ALL_FLAGS =
  PerfOpenFlag.FD_NO_GROUP | PerfOpenFlag.FD_OUTPUT | PerfOpenFlag.PID_CGROUP | PerfOpenFlag.FD_CLOEXEC;

/** `KSYM_NAME_LEN` */
const NAME_MAX = 512;
const PATH_MAX = 4096;
/** `config` of a kprobe or uprobe: it is one of the return. */
const IS_RETURN = 1n;

/** What perf_event_open(2) is asked for. */
export interface PerfOpening {
  readonly attr: Uint8Array;
  readonly pid: number;
  readonly cpu: number;
  readonly groupFd: number;
  readonly flags: number;
}

/** perf_event_open(2), with its checks in its order. @returns a descriptor. */
export function perfOpen(process: Process, opening: PerfOpening): number {
  const { pid, cpu, groupFd, flags } = opening;
  if ((flags & ~ALL_FLAGS) !== 0) refuse(Errno.EINVAL);
  const attr = readPerfAttr(opening.attr);
  // sysctl kernel.perf_event_paranoid is 2: the kernel, and whole CPUs, are for those with CAP_PERFMON.
  if (attr.excludeKernel === 0 && !process.may("PERFMON")) refuse(Errno.EACCES);
  checkPeriod(attr);
  const byCgroup = (flags & PerfOpenFlag.PID_CGROUP) !== 0;
  if (byCgroup && (pid === -1 || cpu === -1)) refuse(Errno.EINVAL);
  if (groupFd !== -1 && process.files.find(groupFd)?.object.kind !== "perf") refuse(Errno.EBADF);
  if (byCgroup) refuse(process.files.find(pid) === undefined ? Errno.EBADF : Errno.EOPNOTSUPP);
  const task = pid === -1 ? null : taskOf(process, pid);
  if ((cpu < 0 || cpu >= process.machine.cpus) && !(task !== null && cpu === -1)) refuse(Errno.EINVAL);
  if (attr.sigtrap !== 0 && task === null) refuse(Errno.EINVAL);
  const event = create(process, attr, { cpu, task });
  return process.files.install(event);
}

/** `find_lively_task_by_vpid`; 0 is the caller itself. */
function taskOf(process: Process, pid: number): KernelTask {
  return pid === 0 ? process.task : (process.machine.tasks.find(pid) ?? refuse(Errno.ESRCH));
}

function create(
  process: Process,
  attr: PerfAttr,
  { cpu, task }: { readonly cpu: number; readonly task: KernelTask | null },
): PerfEvent {
  const { machine } = process;
  const open = sourceOf(process, attr);
  const parts: PerfParts = {
    attr: { ...attr, type: typeOf(attr, open.source) },
    source: open.source,
    cpu,
    task,
    number: machine.perf.nextNumber(),
    clock: machine.clock,
    close: (event) => {
      open.close(event);
      machine.perf.remove(event);
    },
    changed: (event) => machine.perf.changed(event),
  };
  const event = new PerfEvent(parts);
  open.begin(event);
  return event;
}

/** Clocks are what the software events of their names become (`perf_swevent_init`). */
function typeOf({ type }: PerfAttr, source: PerfSource): number {
  if (source.kind !== "clock") return type;
  const { CPU_CLOCK, TASK_CLOCK } = DynamicPerfType;
  return source.config === PerfCountSw.CPU_CLOCK ? CPU_CLOCK : TASK_CLOCK;
}

/** Something to count, and how an event begins and ends to count it. */
interface Opened {
  readonly source: PerfSource;
  readonly begin: (event: PerfEvent) => void;
  readonly close: (event: PerfEvent) => void;
}

/** `perf_init_event`: ENOENT where nobody counts that. */
function sourceOf(process: Process, attr: PerfAttr): Opened {
  switch (attr.type) {
    case PerfType.SOFTWARE:
      return counter(process, softwareSource(attr));
    case DynamicPerfType.CPU_CLOCK:
      if (attr.config !== BigInt(PerfCountSw.CPU_CLOCK)) refuse(Errno.ENOENT);
      return counter(process, softwareSource(attr));
    case DynamicPerfType.TASK_CLOCK:
      if (attr.config !== BigInt(PerfCountSw.TASK_CLOCK)) refuse(Errno.ENOENT);
      return counter(process, softwareSource(attr));
    case PerfType.HARDWARE: {
      const config = Number(attr.config);
      if (![...HARDWARE_COUNTERS.values()].includes(config)) refuse(Errno.ENOENT);
      return counter(process, { kind: "hardware", config });
    }
    case PerfType.TRACEPOINT:
      return traceSource(process, attr);
    case DynamicPerfType.KPROBE:
      return kprobeSource(process, attr);
    case DynamicPerfType.UPROBE:
      return uprobeSource(process, attr);
    default:
      return refuse(Errno.ENOENT);
  }
}

function counter({ machine }: Process, source: PerfSource): Opened {
  return { source, begin: (event) => machine.perf.add(event), close: () => undefined };
}

/** `perf_swevent_init`, `cpu_clock_event_init`, `task_clock_event_init` */
function softwareSource({ config: wide }: PerfAttr): PerfSource {
  if (wide >= BigInt(SOFTWARE_COUNT)) refuse(Errno.ENOENT);
  const config = Number(wide);
  return isClock(config) ? { kind: "clock", config } : { kind: "software", config };
}

/** `perf_tp_event_init`: `config` is the number in an event's `id` file. EINVAL where there is none of it. */
function traceSource({ machine }: Process, attr: PerfAttr): Opened {
  const { tracepoints } = machine;
  const event = tracepoints.events.byId(Number(attr.config)) ?? refuse(Errno.EINVAL);
  const call = tracepoints.call(event);
  return {
    source: { kind: "trace", call, probe: null },
    begin: (perf) => {
      tracepoints.open(event);
      machine.perf.watch(call, perf);
    },
    close: () => tracepoints.close(event),
  };
}

/** `strndup_user`: E2BIG for a name that is too long. */
function text(process: Process, address: bigint, limit: number): string {
  try {
    return process.string(address, limit);
  } catch (error) {
    if (error instanceof Refusal && error.errno === Errno.ENAMETOOLONG) refuse(Errno.E2BIG);
    throw error;
  }
}

/** `perf_kprobe_init`: a function's name and an offset in it, or an address. ENOENT, EINVAL. */
function kprobeSource(process: Process, attr: PerfAttr): Opened {
  const { machine } = process;
  if (!process.may("PERFMON")) refuse(Errno.EACCES);
  const place = kprobePlace(process, attr);
  if (!machine.functions.has(place.name)) refuse(Errno.ENOENT);
  if (!machine.symbols.isText(machine.symbols.address(place.name) + place.offset)) refuse(Errno.ENOENT);
  // A return has no other place than its function's.
  if (place.onReturn && place.offset !== 0n) refuse(Errno.EINVAL);
  const site = machine.functions.site(place.name);
  const call = new EventCall("kprobe", place.name, machine.layout.sizeOf("pt_regs"));
  const probe = { offset: Number(place.offset), onReturn: place.onReturn, target: call };
  return {
    source: { kind: "trace", call, probe: place },
    begin: (event) => {
      machine.perf.watch(call, event);
      site.add(probe);
    },
    close: () => site.remove(call),
  };
}

function kprobePlace(process: Process, attr: PerfAttr): ProbePlace {
  const common = { kind: "kprobe", onReturn: (attr.config & IS_RETURN) !== 0n } as const;
  const name = attr.kprobeFunc === 0n ? "" : text(process, attr.kprobeFunc, NAME_MAX);
  // `struct kprobe.offset` has 32 bits.
  if (name !== "") return { ...common, name, offset: BigInt.asUintN(32, attr.probeOffset) };
  const address = attr.kprobeAddr;
  if (address === 0n) refuse(Errno.EINVAL);
  const found = process.machine.symbols.find(address) ?? refuse(Errno.ENOENT);
  return { ...common, name: found.name, offset: BigInt(found.offset), address };
}

/** Lower half of a uprobe's `config`; the upper one is where its semaphore is, which no task here has. */
const UPROBE_CONFIG = 0xffff_fffen;

/** `perf_uprobe_init`: a file and an offset in it. */
function uprobeSource(process: Process, attr: PerfAttr): Opened {
  const { machine } = process;
  if (!process.may("PERFMON")) refuse(Errno.EACCES);
  if ((attr.config & UPROBE_CONFIG) !== 0n) refuse(Errno.EINVAL);
  if (attr.uprobePath === 0n) refuse(Errno.EINVAL);
  const name = text(process, attr.uprobePath, PATH_MAX);
  if (name === "") refuse(Errno.EINVAL);
  const offset = attr.probeOffset;
  const onReturn = (attr.config & IS_RETURN) !== 0n;
  const call = new EventCall("uprobe", name, machine.layout.sizeOf("pt_regs"));
  return {
    source: { kind: "trace", call, probe: { kind: "uprobe", name, offset, onReturn } },
    begin: (event) => {
      machine.perf.watch(call, event);
      // `uprobe_perf_filter`: of a task, whoever shares its memory.
      const watches = (task: KernelTask) => event.parts.task === null || event.parts.task.tgid === task.tgid;
      machine.userProbes.add(name, offset, { onReturn, target: call, watches });
    },
    close: () => machine.userProbes.remove(name, offset, call),
  };
}
