import { cString } from "../base/index.ts";
import type { SystemCalls } from "../helpers/index.ts";
import { FIRST_OFFSET, offsetOf } from "../mem/index.ts";
import { LentMemory, type Mapping, type RingBatch } from "../sys/index.ts";
import { Errno } from "../uapi/index.ts";
import { FdTable, type OpenFile } from "./fd-table.ts";
import type { KernelLink } from "./links/link.ts";
import type { Machine } from "./machine.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { KernelMap } from "./objects/map.ts";
import type { KernelProgram } from "./objects/program.ts";
import { refuse } from "./refusal.ts";
import type { KernelTask } from "./tasks/task.ts";

/** The capabilities that bpf(2) asks for, without their prefix `CAP_`. */
export type Capability =
  | "BPF"
  | "PERFMON"
  | "NET_ADMIN"
  | "SYS_ADMIN"
  | "SYSLOG"
  // The file system's: to pass modes, and to act as the owner.
  | "DAC_OVERRIDE"
  | "FOWNER";

/** Every capability that this kernel asks for. */
export const ALL_CAPABILITIES: readonly Capability[] = [
  "BPF",
  "PERFMON",
  "NET_ADMIN",
  "SYS_ADMIN",
  "SYSLOG",
  "DAC_OVERRIDE",
  "FOWNER",
];

/** What CAP_SYS_ADMIN did before they were split from it. */
const SPLIT: ReadonlySet<Capability> = new Set(["BPF", "PERFMON", "NET_ADMIN", "SYS_ADMIN"]);

/** Who calls: as `kernel.process(…)` takes it. */
export interface ProcessOptions {
  readonly pid?: number;
  readonly uid?: number;
  /** All of them unless told; none for an unprivileged caller. */
  readonly caps?: readonly Capability[];
  /** At most 15 bytes. */
  readonly comm?: string;
  /** `RLIMIT_NOFILE`: 1024 unless told. */
  readonly maxFds?: number;
}

/** A caller of the embedded kernel: its rights, its descriptors and its memory. */
export class Process {
  readonly machine: Machine;
  readonly pid: number;
  readonly uid: number;
  /** Its only thread. */
  readonly task: KernelTask;
  readonly files: FdTable;
  readonly memory = new LentMemory();
  /** Open mappings of maps, which end with the process. */
  readonly mappings = new Set<Mapping>();
  /** What was last taken from each ring, by descriptor: it keeps the ring until it is given back. */
  readonly rings = new Map<number, RingBatch>();
  /** It has ended: nothing that it could still create would ever be closed. */
  exited = false;
  /** A program that it runs calls in its name (`bpf_sys_bpf`). */
  fromProgram = false;
  /** What programs that it runs may do in its name. */
  systemCalls: SystemCalls | null = null;
  readonly #caps: ReadonlySet<Capability>;
  #scratch = 0;
  #scratchSize = 0;

  constructor(machine: Machine, options: ProcessOptions = {}) {
    this.machine = machine;
    const { pid, uid = 0, comm = "tsbpf" } = options;
    this.task = machine.tasks.create({
      uid,
      comm,
      memory: this.memory,
      ...(pid === undefined ? {} : { pid }),
    });
    this.pid = this.task.pid;
    this.uid = uid;
    this.#caps = new Set(options.caps ?? ALL_CAPABILITIES);
    this.files = new FdTable(options.maxFds ?? 1024, this.may("SYSLOG"));
    this.task.files = this.files;
  }

  /**
   * Whether it has a capability; CAP_SYS_ADMIN stands for those that were split from it (`bpf_capable`,
   * `perfmon_capable`), and not for others.
   */
  may(capability: Capability): boolean {
    return this.#caps.has(capability) || (SPLIT.has(capability) && this.#caps.has("SYS_ADMIN"));
  }

  // --- descriptors ----------------------------------------------------------------------------------------------

  /** The map behind a descriptor. EBADF for none, EINVAL for another object, EPERM where it may not be used so. */
  map(fd: number, use: "read" | "write" | "any"): KernelMap {
    const file = this.mapFile(fd);
    const map = file.object as KernelMap;
    if (use === "read" && !file.readable) refuse(Errno.EPERM);
    if (use === "write" && (!file.writable || map.frozen)) refuse(Errno.EPERM);
    return map;
  }

  mapFile(fd: number): OpenFile {
    const file = this.files.get(fd);
    return file.object.kind === "map" ? file : refuse(Errno.EINVAL);
  }

  program(fd: number): KernelProgram {
    const { object } = this.files.get(fd);
    return object.kind === "prog" ? (object as KernelProgram) : refuse(Errno.EINVAL);
  }

  link(fd: number): KernelLink {
    const { object } = this.files.get(fd);
    return object.kind === "link" ? (object as KernelLink) : refuse(Errno.EINVAL);
  }

  /** As {@link program}, where it has to be of a type (`bpf_prog_get_type`). */
  programOf(fd: number, type: number): KernelProgram {
    const program = this.program(fd);
    return program.parts.type === type ? program : refuse(Errno.EINVAL);
  }

  btf(fd: number): KernelBtf {
    const { object } = this.files.get(fd);
    return object.kind === "btf" ? (object as KernelBtf) : refuse(Errno.EINVAL);
  }

  // --- the caller's memory --------------------------------------------------------------------------------------

  /** A view of the caller's bytes. EFAULT where they are not readable. */
  read(address: bigint, length: number): Uint8Array {
    if (length === 0 && !this.fromProgram) return new Uint8Array(0);
    return this.#bytesAt(address, length) ?? refuse(Errno.EFAULT);
  }

  write(address: bigint, bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.memory.write(address, bytes)) refuse(Errno.EFAULT);
  }

  /** `bpfptr_t`: what a program of the process calls for lies in the kernel's memory. */
  #bytesAt(address: bigint, length: number): Uint8Array | null {
    if (!this.fromProgram) return this.memory.read(address, length);
    const offset = offsetOf(address);
    const bytes = this.machine.memory.bytes();
    const there = offset >= FIRST_OFFSET && offset + length <= bytes.length;
    return there ? bytes.slice(offset, offset + length) : null;
  }

  /** `copy_from_user` into the one memory. */
  copyIn(address: bigint, offset: number, length: number): void {
    if (length > 0) this.machine.memory.bytes().set(this.read(address, length), offset);
  }

  /** `copy_to_user` from the one memory. */
  copyOut(address: bigint, offset: number, length: number): void {
    this.write(address, this.machine.memory.bytes().subarray(offset, offset + length));
  }

  u32(address: bigint): number {
    const bytes = this.read(address, 4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  writeU32(address: bigint, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.write(address, bytes);
  }

  /** A NUL-terminated string of less than `max` bytes (`strncpy_from_user`). EFAULT; ENAMETOOLONG where it is longer. */
  string(address: bigint, max: number): string {
    for (let length = 1; length <= max; length++) {
      const bytes = this.#bytesAt(address, length) ?? refuse(Errno.EFAULT);
      if (bytes[length - 1] === 0) return cString(bytes);
    }
    return refuse(Errno.ENAMETOOLONG);
  }

  /** As {@link string}, of which no more than the first `max - 1` bytes are looked at. EFAULT. */
  prefix(address: bigint, max: number): string {
    for (let length = 1; length < max; length++) {
      const bytes = this.#bytesAt(address, length) ?? refuse(Errno.EFAULT);
      if (bytes[length - 1] === 0 || length === max - 1) return cString(bytes);
    }
    return "";
  }

  /** Working space of this process in the one memory, valid until the next call of this method. ENOMEM. */
  scratch(size: number): number {
    if (size > this.#scratchSize) {
      const memory = this.machine.memory;
      const wanted = Math.max(size, 2 * this.#scratchSize, 256);
      const grown = memory.alloc(wanted);
      if (grown === 0) refuse(Errno.ENOMEM);
      if (this.#scratch !== 0) memory.free(this.#scratch);
      this.#scratch = grown;
      this.#scratchSize = wanted;
    }
    return this.#scratch;
  }

  /** Ends the process: its mappings and descriptors close. */
  exit(): void {
    this.exited = true;
    for (const mapping of [...this.mappings]) mapping.close();
    for (const batch of this.rings.values()) batch.release();
    this.rings.clear();
    this.files.closeAll();
    if (this.#scratch !== 0) this.machine.memory.free(this.#scratch);
    this.#scratch = 0;
    this.#scratchSize = 0;
    this.machine.tasks.exit(this.task);
    this.machine.quiesce();
  }
}
