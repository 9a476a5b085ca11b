import { utf8 } from "../base/index.ts";
import type { KernelMemory } from "../mem/index.ts";
import type { Mapping, Port, RingBatch, UserMemory } from "../sys/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import { BPFFS_ROOT } from "./bpffs.ts";
import { configText } from "./config.ts";
import { dispatch } from "./dispatcher.ts";
import { mapValues } from "./mapping.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import type { KernelMap } from "./objects/map.ts";
import type { Process } from "./process.ts";
import { Refusal, refuse } from "./refusal.ts";
import { hasRecords, RingRecords } from "./ring.ts";

/** The release whose behaviour this kernel has: what `uname -r` says, and LINUX_KERNEL_VERSION is made of. */
const releaseOf = ({ machine }: Process) => `${machine.release}.0`;

/** The system calls of one process of the embedded kernel. */
export class ProcessPort implements Port {
  readonly name = "embedded";
  readonly process: Process;
  /** What was last taken from each ring, by descriptor. */
  readonly #rings = new Map<number, RingRecords>();

  constructor(process: Process) {
    this.process = process;
  }

  get memory(): UserMemory {
    return this.process.memory;
  }

  bpf(command: number, attr: Uint8Array, size: number): number {
    return this.process.exited ? -Errno.ESRCH : dispatch(this.process, command, attr, size);
  }

  perfEventOpen(): number {
    return -Errno.ENOSYS;
  }

  ioctl(fd: number): number {
    return this.process.files.find(fd) === undefined ? -Errno.EBADF : -Errno.ENOTTY;
  }

  close(fd: number): number {
    return refusing(() => {
      this.#rings.get(fd)?.release();
      this.#rings.delete(fd);
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
    if (path === "/sys/kernel/tracing/trace_pipe" || path === "/sys/kernel/debug/tracing/trace_pipe") {
      return utf8(machine.tracePipe.read());
    }
    return -Errno.ENOENT;
  }

  readDirectory(path: string): readonly string[] | number {
    return path.startsWith(BPFFS_ROOT)
      ? refusing(() => this.process.machine.bpffs.list(path))
      : -Errno.ENOENT;
  }

  makeDirectory(path: string): number {
    return refusing(() => {
      this.#alive();
      this.process.machine.bpffs.makeDirectory(path, this.process);
      return 0;
    });
  }

  remove(path: string): number {
    return refusing(() => {
      this.#alive();
      this.process.machine.bpffs.remove(path, this.process);
      return 0;
    });
  }

  ringConsume(fd: number, max: number): RingBatch | number {
    return refusing(() => {
      const { object, readable } = this.process.files.get(fd);
      const map = object.kind === "map" ? (object as KernelMap) : null;
      if (map === null || map.type !== BpfMapType.RINGBUF) return refuse(Errno.EINVAL);
      if (!readable) refuse(Errno.EACCES);
      this.#rings.get(fd)?.release();
      const batch = new RingRecords(this.process.machine.memory, map, max);
      this.#rings.set(fd, batch);
      return batch;
    });
  }

  map(fd: number, offset: number, length: number, access: { readonly write: boolean }): Mapping | number {
    return refusing(() => {
      const { object, readable, writable } = this.process.files.get(fd);
      // do_mmap: a shared mapping asks the descriptor for what it gives.
      if (!readable || (access.write && !writable)) refuse(Errno.EACCES);
      if (object.kind !== "map") refuse(Errno.ENODEV);
      const { machine, mappings } = this.process;
      const range = { offset, length, write: access.write };
      const mapping = mapValues(machine.memory, object as KernelMap, range, (ended) => {
        mappings.delete(ended);
        machine.quiesce();
      });
      mappings.add(mapping);
      return mapping;
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
  if (object?.kind !== "map") return false;
  const map = object as KernelMap;
  return map.type === BpfMapType.RINGBUF && hasRecords(memory, map);
}

function refusing<T>(act: () => T): T | number {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) return -error.errno;
    throw error;
  }
}
