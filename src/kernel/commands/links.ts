import { BpfAttachFlag, BpfStatsType, BpfTaskFdType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { IteratorFile } from "../iterators/iterator-file.ts";
import { IteratorLink } from "../iterators/iterator-link.ts";
import { RawTracepointLink } from "../links/raw-tracepoint-link.ts";
import type { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import { Statistics } from "../objects/statistics.ts";
import { PerfEvent } from "../perf/perf-event.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { writeText } from "./write-text.ts";

/** `link_update` */
export function linkUpdate(process: Process, attr: Attr): number {
  const { flags, linkFd, newProgFd, oldProgFd } = attr.fields("LINK_UPDATE");
  if ((flags & ~BpfAttachFlag.REPLACE) !== 0) refuse(Errno.EINVAL);
  const link = process.link(linkFd);
  const program = process.program(newProgFd);
  let old: KernelProgram | null = null;
  if ((flags & BpfAttachFlag.REPLACE) !== 0) old = process.program(oldProgFd);
  else if (oldProgFd !== 0) refuse(Errno.EINVAL);
  link.replace(program, old);
  return 0;
}

/** `link_detach` */
export function linkDetach(process: Process, attr: Attr): number {
  const { linkFd } = attr.fields("LINK_DETACH");
  process.link(linkFd).detach();
  return 0;
}

/** `bpf_iter_create`, `bpf_iter_new_fd` */
export function iterCreate(process: Process, attr: Attr): number {
  const { linkFd, flags } = attr.fields("ITER_CREATE");
  if (flags !== 0) refuse(Errno.EINVAL);
  const link = process.link(linkFd);
  if (!(link instanceof IteratorLink)) return refuse(Errno.EINVAL);
  const file = new IteratorFile(process.machine, link, process.task);
  return process.files.install(file, { readable: true, writable: false });
}

/** `bpf_enable_stats`: as long as a descriptor that it gave is open, runs are counted and timed. */
export function enableStats(process: Process, attr: Attr): number {
  const { type } = attr.fields("ENABLE_STATS");
  if (!process.may("SYS_ADMIN")) refuse(Errno.EPERM);
  if (type !== BpfStatsType.RUN_TIME) refuse(Errno.EINVAL);
  return process.files.install(new Statistics(process.machine));
}

/** `bpf_task_fd_query`: what program stands behind a descriptor of a process. */
export function taskFdQuery(process: Process, attr: Attr): number {
  const { pid, fd, flags, bufLen, buf } = attr.fields("TASK_FD_QUERY");
  if (!process.may("SYS_ADMIN")) refuse(Errno.EPERM);
  if (flags !== 0) refuse(Errno.EINVAL);
  const task = process.machine.tasks.find(pid) ?? refuse(Errno.ENOENT);
  // The standard streams are files, too, with nothing behind them.
  const object =
    task.files?.find(fd)?.object ?? refuse(task.files?.isOpen(fd) ? Errno.ENOTSUPP : Errno.EBADF);
  const found = behind(process, object);
  attr.put("TASK_FD_QUERY", "bufLen", found.name.length);
  // bpf_task_fd_query_copy
  const short = bufLen !== 0 && buf !== 0n && writeText(process, buf, bufLen, found.name);
  attr.put("TASK_FD_QUERY", "progId", found.program);
  attr.put("TASK_FD_QUERY", "fdType", found.type);
  attr.put64("TASK_FD_QUERY", "probeOffset", found.offset);
  attr.put64("TASK_FD_QUERY", "probeAddr", found.address);
  return short ? refuse(Errno.ENOSPC) : 0;
}

interface Behind {
  readonly program: number;
  readonly type: number;
  readonly name: string;
  readonly offset: bigint;
  readonly address: bigint;
}

function behind(process: Process, object: KernelObject): Behind {
  if (object instanceof PerfEvent) return behindEvent(process, object);
  if (!(object instanceof RawTracepointLink)) return refuse(Errno.ENOTSUPP);
  const { program, point } = object;
  return {
    program: program.id,
    type: BpfTaskFdType.RAW_TRACEPOINT,
    name: point.name,
    offset: 0n,
    address: 0n,
  };
}

/** `bpf_get_perf_event_info` */
function behindEvent({ machine }: Process, { attachment, parts: { source } }: PerfEvent): Behind {
  const program = attachment?.program.id ?? refuse(Errno.ENOENT);
  if (source.kind !== "trace") return refuse(Errno.EOPNOTSUPP);
  const { call, probe } = source;
  if (probe === null)
    return { program, type: BpfTaskFdType.TRACEPOINT, name: call.name, offset: 0n, address: 0n };
  const { kind, name, offset, onReturn } = probe;
  if (kind === "uprobe") {
    return {
      program,
      type: onReturn ? BpfTaskFdType.URETPROBE : BpfTaskFdType.UPROBE,
      name,
      offset,
      address: 0n,
    };
  }
  const type = onReturn ? BpfTaskFdType.KRETPROBE : BpfTaskFdType.KPROBE;
  if (probe.address !== undefined) return { program, type, name: "", offset: 0n, address: probe.address };
  return { program, type, name, offset, address: machine.symbols.address(name) + offset };
}
