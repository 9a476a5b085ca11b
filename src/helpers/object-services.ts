/** A task, as walks over all of them need it. */
export interface TaskPlace {
  /** Offset of its `struct task_struct`. */
  readonly offset: number;
  readonly pid: number;
  readonly tgid: number;
}

/** An area of a task's address space: `struct vm_area_struct`. */
export interface UserArea {
  readonly start: bigint;
  readonly end: bigint;
  /** Offset of the struct. */
  readonly offset: number;
}

/** The tasks of the kernel, which are named by the offsets of their structs; 0 is none. */
export interface TaskDirectory {
  /** By number, in the initial namespace of such numbers. */
  find(pid: number): number;
  /** The idle task of CPU 0, and all others in the order in which they came. */
  all(): readonly TaskPlace[];
  /** Takes a reference. @returns whether there is such a task. */
  hold(task: number): boolean;
  /** Gives a reference back. */
  drop(task: number): void;
  /** Sends a signal to another task. @returns 0 or a negative errno. */
  signal(task: number, number: number): number;
  /** Bytes of its user memory; null where any of them faults. */
  userBytes(task: number, low: number, high: number, length: number): Uint8Array | null;
  /** Up to `limit` bytes of a string of its user memory, without its NUL; null where it faults. */
  userString(task: number, low: number, high: number, limit: number): Uint8Array | null;
  /** The areas of its address space by address; null where it has none. */
  areas(task: number): readonly UserArea[] | null;
}

/** The control groups of the kernel, which are named by the offsets of their structs; 0 is none. */
export interface CgroupDirectory {
  find(id: number): number;
  /** Takes a reference. @returns whether the group is still there. */
  hold(group: number): boolean;
  drop(group: number): void;
  /** The group and those below it, each before those in it. */
  below(group: number): readonly number[];
  /** The tasks in it. */
  tasks(group: number): readonly TaskPlace[];
}

/** System calls in the name of whoever runs a program. Numbers below 0 are errno values as Linux gives them. */
export interface SystemCalls {
  /** bpf(2) with attributes at an offset, whose pointers may lead into the kernel's memory. */
  bpf(command: number, attr: number, size: number): number;
  close(fd: number): number;
  /** Id of a type of the kernel, above 0. */
  typeId(name: string, kind: number): number;
  /** Address of a symbol; 0n where there is none, null where the caller may not know any. */
  symbol(name: string): bigint | null;
}
