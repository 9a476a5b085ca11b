import { BpfAttachFlag, Errno } from "../../uapi/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { ChainEntry } from "../hooks/program-chain.ts";
import type { Device } from "../net/device.ts";
import type { Namespace } from "../net/namespace.ts";
import type { PerfEvent } from "../perf/perf-event.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

/** `cgroup_get_from_fd`: EBADF where a descriptor is not that of a group's directory. */
export function cgroupOf(process: Process, fd: number): Cgroup {
  const object = process.files.find(fd)?.object;
  return object?.kind === "cgroup" ? (object as Cgroup) : refuse(Errno.EBADF);
}

/** `get_net_ns_by_fd`: EBADF, EINVAL where a descriptor is not that of a network namespace. */
export function namespaceOf(process: Process, fd: number): Namespace {
  const { object } = process.files.get(fd);
  return object.kind === "netns" ? (object as Namespace) : refuse(Errno.EINVAL);
}

/** `perf_event_get`: EBADF where a descriptor is not that of a perf event. */
export function perfEventOf(process: Process, fd: number): PerfEvent {
  const object = process.files.find(fd)?.object;
  return object?.kind === "perf" ? (object as PerfEvent) : refuse(Errno.EBADF);
}

/** A device of the caller's namespace; `missing` where there is none. */
export function deviceOf(process: Process, ifindex: number, missing: number): Device {
  return process.task.namespace.devices.get(ifindex) ?? refuse(missing);
}

/** `bpf_mprog_tuple_relative`: what a program is to be in front of or behind; null where nothing is named. */
export function relativeEntry(
  process: Process,
  flags: number,
  idOrFd: number,
  type: number | null,
): ChainEntry | null {
  if ((flags & (BpfAttachFlag.LINK | BpfAttachFlag.ID)) === 0 && idOrFd === 0) return null;
  const entry = namedEntry(process, flags, idOrFd);
  return type !== null && entry.program.parts.type !== type ? refuse(Errno.EINVAL) : entry;
}

/** A program or link by its descriptor or (BPF_F_ID) its id. EBADF, ENOENT, EINVAL. */
export function namedEntry(process: Process, flags: number, idOrFd: number): ChainEntry {
  const { machine } = process;
  const byId = (flags & BpfAttachFlag.ID) !== 0;
  if ((flags & BpfAttachFlag.LINK) !== 0) {
    const link = byId ? (machine.links.get(idOrFd) ?? refuse(Errno.ENOENT)) : process.link(idOrFd);
    return { program: link.program, link };
  }
  const program = byId ? (machine.programs.get(idOrFd) ?? refuse(Errno.ENOENT)) : process.program(idOrFd);
  return { program, link: null };
}
