import { utf8 } from "../../base/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { FdTable } from "../fd-table.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { Namespace } from "../net/namespace.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import type { TaskMemory } from "../user-memory.ts";
import { AddressSpace } from "./address-space.ts";

/** `TASK_COMM_LEN` */
const COMM_LENGTH = 16;

/** What a task is made of. */
export interface TaskParts {
  readonly pid: number;
  /** Thread group: what user space calls the process id. */
  readonly tgid: number;
  readonly comm: string;
  readonly uid: number;
  readonly gid: number;
  readonly parent: KernelTask | null;
  readonly cgroup: Cgroup;
  readonly namespace: Namespace;
  /** A thread of the kernel has none. */
  readonly memory: TaskMemory | undefined;
  /** Nanoseconds since boot. */
  readonly started: number;
}

/** The structs of a task in memory. */
interface TaskStructs {
  readonly task: KernelStruct;
  readonly cred: KernelStruct;
  readonly proxy: KernelStruct;
}

/** An area of an address space, and its `struct vm_area_struct`. */
interface UserArea {
  readonly start: bigint;
  readonly end: bigint;
  readonly offset: number;
  readonly struct: KernelStruct;
}

const VM_READ = 1;
const VM_WRITE = 2;

/** A task: `struct task_struct`, with its credentials and namespaces, made when something first looks at them. */
export class KernelTask {
  readonly pid: number;
  readonly tgid: number;
  readonly parent: KernelTask | null;
  readonly started: number;
  readonly namespace: Namespace;
  memory: TaskMemory | undefined;
  /** It has ended: nothing runs in its name any more. */
  exited = false;
  /** What it was woken up or killed with, the oldest first (`bpf_send_signal`). */
  readonly signals: number[] = [];
  /** Its descriptors; null of a task that makes no system calls. */
  files: FdTable | null = null;
  readonly #structs: StructAllocator;
  #made: TaskStructs | undefined;
  /** Areas of its address space that somebody looked at, by their start. */
  readonly #areas = new Map<bigint, UserArea>();
  /** References that programs hold (`rcu_users`, but for its own). */
  #holders = 0;
  #comm: string;
  #uid: number;
  #gid: number;
  #cgroup: Cgroup;

  constructor(structs: StructAllocator, parts: TaskParts) {
    this.#structs = structs;
    this.pid = parts.pid;
    this.tgid = parts.tgid;
    this.parent = parts.parent;
    this.started = parts.started;
    this.namespace = parts.namespace;
    this.memory = parts.memory;
    this.#comm = parts.comm;
    this.#uid = parts.uid;
    this.#gid = parts.gid;
    this.#cgroup = parts.cgroup;
  }

  get comm(): string {
    return this.#comm;
  }

  set comm(comm: string) {
    this.#comm = comm;
    this.#changed();
  }

  get uid(): number {
    return this.#uid;
  }

  set uid(uid: number) {
    this.#uid = uid;
    this.#changed();
  }

  get gid(): number {
    return this.#gid;
  }

  set gid(gid: number) {
    this.#gid = gid;
    this.#changed();
  }

  get cgroup(): Cgroup {
    return this.#cgroup;
  }

  set cgroup(cgroup: Cgroup) {
    this.#cgroup = cgroup;
    this.#changed();
  }

  /** Offset of its `struct task_struct`. */
  get offset(): number {
    if (this.#made === undefined) {
      const structs = this.#structs;
      this.#made = {
        task: structs.struct("task_struct"),
        cred: structs.struct("cred"),
        proxy: structs.struct("nsproxy"),
      };
      this.#fill(this.#made);
    }
    return this.#made.task.offset;
  }

  /** Whether its struct is at an offset. */
  isAt(offset: number): boolean {
    return this.#made?.task.offset === offset;
  }

  /** Whether a program holds a reference. */
  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** A program takes a reference: false where the task has ended, and nobody else has one (`bpf_task_acquire`). */
  hold(): boolean {
    if (this.exited && this.#holders === 0) return false;
    this.#holders++;
    return true;
  }

  drop(): void {
    this.#holders--;
  }

  /** The areas of its address space, by address; null where it has none of its own. */
  areas(): readonly UserArea[] | null {
    if (this.memory === undefined) return null;
    const ranges = this.memory instanceof AddressSpace ? this.memory.ranges : [];
    return ranges.map((range) => {
      let area = this.#areas.get(range.start);
      if (area === undefined || area.end !== range.end) {
        const struct = this.#structs.struct("vm_area_struct");
        struct.set("vm_start", range.start);
        struct.set("vm_end", range.end);
        struct.set("vm_flags", range.writable ? VM_READ | VM_WRITE : VM_READ);
        area = { start: range.start, end: range.end, offset: struct.offset, struct };
        this.#areas.set(range.start, area);
      }
      return area;
    });
  }

  /** Frees what it has in memory; it can be looked at anew afterwards. */
  free(): void {
    if (this.#made !== undefined) for (const object of Object.values(this.#made)) this.#structs.free(object);
    this.#made = undefined;
    for (const { struct } of this.#areas.values()) this.#structs.free(struct);
    this.#areas.clear();
  }

  #changed(): void {
    if (this.#made !== undefined) this.#fill(this.#made);
  }

  #fill({ task, cred, proxy }: TaskStructs): void {
    for (const member of ["uid", "suid", "euid", "fsuid"]) cred.set(member, this.#uid);
    for (const member of ["gid", "sgid", "egid", "fsgid"]) cred.set(member, this.#gid);
    cred.set("usage", 1);
    proxy.point("net_ns", this.namespace.offset);
    task.set("pid", this.pid);
    task.set("tgid", this.tgid);
    const comm = new Uint8Array(COMM_LENGTH);
    comm.set(utf8(this.#comm).subarray(0, COMM_LENGTH - 1));
    task.write("comm", comm);
    for (const member of ["prio", "static_prio", "normal_prio"]) task.set(member, DEFAULT_PRIORITY);
    task.set("flags", this.memory === undefined ? PF_KTHREAD : 0);
    task.set("start_time", this.started);
    task.set("start_boottime", this.started);
    task.point("cred", cred.offset);
    task.point("real_cred", cred.offset);
    task.point("nsproxy", proxy.offset);
    task.point("cgroups", this.#cgroup.setOffset);
    // The idle task is its own parent (`INIT_TASK`).
    const parent = this.parent?.offset ?? task.offset;
    task.point("parent", parent);
    task.point("real_parent", parent);
    task.point("group_leader", task.offset);
  }
}

/** `DEFAULT_PRIO` */
const DEFAULT_PRIORITY = 120;

const PF_KTHREAD = 0x0020_0000;
