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

/** What a lookup of a socket is about: a packet between two ends. */
export interface SocketQuery {
  /** Offset of the `struct net`. */
  readonly namespace: number;
  /** `AF_INET`, `AF_INET6` */
  readonly family: number;
  /** `IPPROTO_TCP`, `IPPROTO_UDP` */
  readonly protocol: number;
  /** Of 4 or 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Number of the device that it comes through; 0 for none. */
  readonly device: number;
  /** Of whoever looks. */
  readonly cpu: number;
}

/** Sockets, and what belongs to them, named by the offsets of their structs; 0 is none. */
export interface SocketDirectory {
  /** Takes a reference to the socket, where it is counted. */
  find(query: SocketQuery): number;
  /** Number of the device of this name in a namespace; 0 where there is none. */
  deviceNamed(namespace: number, name: string): number;
  /** The `struct tcp_congestion_ops` of this name. */
  congestion(name: string): number;
  /** Ends a connection, or what listens or is bound (`diag_destroy`). @returns 0 or a negative errno. */
  destroy(socket: number): number;
}

/**
 * What a device tells of a packet that it received. Undefined is an operation that its driver does not have; null is
 * nothing of this packet.
 */
export interface PacketMetadata {
  /** In nanoseconds of the device's clock. */
  readonly timestamp?: bigint | null;
  /** A hash of the packet, and of what in it (`XDP_RSS_TYPE_*`). */
  readonly hash?: { readonly value: number; readonly type: number } | null;
  /** The tag that the device took off: its protocol (0x8100), and its 16 bits. */
  readonly vlan?: { readonly protocol: number; readonly tag: number } | null;
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
