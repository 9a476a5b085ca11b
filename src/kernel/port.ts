import { utf8 } from "../base/index.ts";
import type { KernelMemory } from "../mem/index.ts";
import type { Mapping, Port, RingBatch, UserMemory } from "../sys/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import { BPFFS_ROOT } from "./bpffs.ts";
import { CGROUP_ROOT } from "./cgroups/cgroup-tree.ts";
import { configText } from "./config.ts";
import { dispatch } from "./dispatcher.ts";
import type { IteratorFile } from "./iterators/iterator-file.ts";
import { mapValues } from "./mapping.ts";
import { openSocket, setSocketOption } from "./net/socket-calls.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import type { KernelMap } from "./objects/map.ts";
import { isCgroupPath, openPath } from "./open-file.ts";
import type { PerfEvent } from "./perf/perf-event.ts";
import { perfIoctl } from "./perf/perf-ioctl.ts";
import { mapPerfRing } from "./perf/perf-mapping.ts";
import { perfOpen } from "./perf/perf-open.ts";
import { SampleBatch } from "./perf/sample-batch.ts";
import type { Process } from "./process.ts";
import { refuse, refusing } from "./refusal.ts";
import { hasRecords, RingRecords } from "./ring.ts";
import { listTracefs, readPerfDevices, readTracefs } from "./tracefs.ts";

/** The release whose behaviour this kernel has: what `uname -r` says, and LINUX_KERNEL_VERSION is made of. */
const releaseOf = ({ machine }: Process) => `${machine.release}.0`;

/** The system calls of one process of the embedded kernel. */
export class ProcessPort implements Port {
  readonly name = "embedded";
  readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  get memory(): UserMemory {
    return this.process.memory;
  }

  bpf(command: number, attr: Uint8Array, size: number): number {
    return this.process.exited ? -Errno.ESRCH : dispatch(this.process, command, attr, size);
  }

  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number {
    return this.#call(() => perfOpen(this.process, { attr, pid, cpu, groupFd, flags }));
  }

  ioctl(fd: number, request: number, argument: number | bigint): number {
    return this.#call(() => {
      const object = this.process.files.find(fd)?.object ?? refuse(Errno.EBADF);
      if (object.kind !== "perf") return refuse(Errno.ENOTTY);
      return perfIoctl(this.process, object as PerfEvent, request, BigInt(argument));
    });
  }

  open(path: string): number {
    return this.#call(() => openPath(this.process, path));
  }

  read(fd: number, max: number): Uint8Array | number {
    return this.#call(() => {
      const { object } = this.process.files.find(fd) ?? refuse(Errno.EBADF);
      if (object.kind === "iter") return (object as IteratorFile).read(max);
      if (object.kind !== "perf") return refuse(object.kind === "cgroup" ? Errno.EISDIR : Errno.EINVAL);
      const values = (object as PerfEvent).values();
      return values.length > max ? refuse(Errno.ENOSPC) : values;
    });
  }

  socket(domain: number, type: number, protocol: number): number {
    return this.#call(() => openSocket(this.process, domain, type, protocol));
  }

  setSocketOption(fd: number, level: number, option: number, value: Uint8Array): number {
    return this.#call(() => setSocketOption(this.process, fd, { level, option, value }));
  }

  close(fd: number): number {
    return refusing(() => {
      this.process.rings.get(fd)?.release();
      this.process.rings.delete(fd);
      this.process.files.close(fd);
      this.process.machine.quiesce();
      return 0;
    });
  }

  dup(fd: number): number {
    return refusing(() => this.process.files.dup(fd));
  }

  readFile(path: string): Uint8Array | number {
    const { machine } = this.process;
    if (path === "/sys/devices/system/cpu/possible" || path === "/sys/devices/system/cpu/online") {
      return utf8(machine.cpus === 1 ? "0\n" : `0-${machine.cpus - 1}\n`);
    }
    if (path === "/proc/sys/kernel/osrelease") return utf8(`${releaseOf(this.process)}\n`);
    if (path === `/boot/config-${releaseOf(this.process)}`) return utf8(configText(machine.cpus));
    if (path === "/proc/kallsyms") return utf8(machine.symbols.kallsyms());
    // A copy: callers own what they read.
    if (path === "/sys/kernel/btf/vmlinux") return machine.shown.btf.bytes.slice();
    return readTracefs(machine, path) ?? readPerfDevices(path) ?? -Errno.ENOENT;
  }

  readDirectory(path: string): readonly string[] | number {
    const { machine } = this.process;
    if (path.startsWith(BPFFS_ROOT)) return refusing(() => machine.bpffs.list(path));
    if (!isCgroupPath(path)) return listTracefs(machine, path) ?? -Errno.ENOENT;
    const group = machine.cgroups.find(path.slice(CGROUP_ROOT.length));
    return group === undefined ? -Errno.ENOENT : [...group.children.keys()].sort();
  }

  makeDirectory(path: string): number {
    return refusing(() => {
      this.#alive();
      const { machine } = this.process;
      if (isCgroupPath(path)) machine.cgroups.create(path.slice(CGROUP_ROOT.length));
      else machine.bpffs.makeDirectory(path, this.process);
      return 0;
    });
  }

  remove(path: string): number {
    return refusing(() => {
      this.#alive();
      const { machine } = this.process;
      if (isCgroupPath(path)) machine.removeCgroup(path.slice(CGROUP_ROOT.length));
      else machine.bpffs.remove(path, this.process);
      return 0;
    });
  }

  ringConsume(fd: number, max: number): RingBatch | number {
    return refusing(() => {
      const { object, readable } = this.process.files.get(fd);
      if (object.kind === "perf") return this.#takeSamples(fd, object as PerfEvent, max);
      const map = object.kind === "map" ? (object as KernelMap) : null;
      if (map === null || map.type !== BpfMapType.RINGBUF) return refuse(Errno.EINVAL);
      if (!readable) refuse(Errno.EACCES);
      this.process.rings.get(fd)?.release();
      const batch = new RingRecords(this.process.machine.memory, map, max);
      this.process.rings.set(fd, batch);
      return batch;
    });
  }

  #takeSamples(fd: number, event: PerfEvent, max: number): RingBatch {
    const ring = this.process.machine.perf.ringOf(event) ?? refuse(Errno.ENOMEM);
    this.process.rings.get(fd)?.release();
    const batch = new SampleBatch(event, ring, max);
    this.process.rings.set(fd, batch);
    return batch;
  }

  map(fd: number, offset: number, length: number, access: { readonly write: boolean }): Mapping | number {
    return refusing(() => {
      const { object, readable, writable } = this.process.files.get(fd);
      // do_mmap: a shared mapping asks the descriptor for what it gives.
      if (!readable || (access.write && !writable)) refuse(Errno.EACCES);
      const { machine, mappings } = this.process;
      if (object.kind === "perf") {
        const event = object as PerfEvent;
        const ring = mapPerfRing(machine, event, { offset, length, write: access.write }, (ended) => {
          mappings.delete(ended);
          machine.quiesce();
        });
        mappings.add(ring);
        return ring;
      }
      if (object.kind !== "map") refuse(Errno.ENODEV);
      const range = { offset, length, write: access.write };
      const mapping = mapValues(machine.memory, object as KernelMap, range, (ended) => {
        mappings.delete(ended);
        machine.quiesce();
      });
      mappings.add(mapping);
      return mapping;
    });
  }

  /** A system call beside bpf(2): what is due runs before and after it. */
  #call<T>(act: () => T): T | number {
    if (this.process.exited) return -Errno.ESRCH;
    const { machine } = this.process;
    return refusing(() => {
      machine.runDue();
      try {
        return act();
      } finally {
        machine.runDue();
        machine.quiesce();
      }
    });
  }

  /** What has ended must leave nothing behind that nobody would remove. */
  #alive(): void {
    if (this.process.exited) refuse(Errno.ESRCH);
  }

  async wait(fds: readonly number[], timeout: number, signal?: AbortSignal): Promise<readonly number[]> {
    const { machine, files } = this.process;
    return machine.events.until(
      () => fds.filter((fd) => isReady(machine.memory, files.find(fd)?.object)),
      timeout,
      signal,
    );
  }
}

/** Whether a descriptor has something to read. */
function isReady(memory: KernelMemory, object: KernelObject | undefined): boolean {
  if (object?.kind === "perf") return (object as PerfEvent).ring?.takeWakeup() ?? false;
  if (object?.kind !== "map") return false;
  const map = object as KernelMap;
  return map.type === BpfMapType.RINGBUF && hasRecords(memory, map);
}
