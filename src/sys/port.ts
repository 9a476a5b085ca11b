/**
 * The raw port: the one door to a kernel, embedded, live or remote.
 *
 * A port is as narrow as the system calls behind it. It takes and gives bytes and numbers, knows nothing of BPF beyond
 * that, and never throws for what a kernel would refuse: every call returns what the system call returns, with errors
 * as negative errno values. `BpfCommands` stands on top and turns them into typed calls and exceptions; `strace` and
 * the remote port wrap a port and pass everything through.
 *
 * All calls but `wait` are synchronous on every port.
 */
export interface Port {
  /** For messages: `"embedded"`, `"linux"`, or the path of a socket. */
  readonly name: string;
  /** Where the 64-bit addresses inside attributes point. */
  readonly memory: UserMemory;

  /**
   * bpf(2).
   *
   * @param command a `BPF_*` command number of `enum bpf_cmd`.
   * @param attr the bytes of `union bpf_attr`. They belong to the caller; the kernel writes its out-fields into them
   *   during the call and keeps no reference.
   * @param size how many bytes of `attr` the kernel may look at: at most `attr.length`.
   * @returns a file descriptor or 0, or a negative errno.
   */
  bpf(command: number, attr: Uint8Array, size: number): number;

  /** perf_event_open(2). `attr` holds `struct perf_event_attr`, `flags` the `PERF_FLAG_*` bits. */
  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number;

  /** ioctl(2) on a descriptor of this port; `argument` is a number or an address in `memory`. */
  ioctl(fd: number, request: number, argument: number | bigint): number;

  /**
   * open(2) for reading, of something that programs are attached to: the directory of a control group, the file of a
   * network namespace, a pinned iterator. @returns a descriptor, or a negative errno.
   */
  open(path: string): number;

  /**
   * read(2): the next bytes of an iterator's output, at most `max`, none at its end; what a perf event has counted. The
   * caller owns them. Or a negative errno.
   */
  read(fd: number, max: number): Uint8Array | number;

  /** socket(2). @returns a descriptor, or a negative errno. */
  socket(domain: number, type: number, protocol: number): number;

  /** setsockopt(2): how programs are attached to a socket. `value` is the option's bytes. */
  setSocketOption(fd: number, level: number, option: number, value: Uint8Array): number;

  close(fd: number): number;

  dup(fd: number): number;

  /**
   * A whole file that describes the kernel: tracefs, procfs, sysfs. On the embedded kernel these are synthesised.
   *
   * @returns the bytes, which the caller owns, or a negative errno.
   */
  readFile(path: string): Uint8Array | number;

  /** The names in a directory of the same file systems (bpffs too), sorted; or a negative errno. */
  readDirectory(path: string): readonly string[] | number;

  /** mkdir(2) on a bpffs, where pins are to go, or of a control group. */
  makeDirectory(path: string): number;

  /** unlink(2) of a pin, or rmdir(2) of an empty directory, on a bpffs; rmdir(2) of a control group. */
  remove(path: string): number;

  /**
   * Takes up to `max` records from a ring: a `BPF_MAP_TYPE_RINGBUF` map or a perf event, whose records begin with their
   * `struct perf_event_header`. A perf event whose ring nobody has mapped gets one of 64 pages.
   * The records are consumed when the batch is released, or at the next call for the same descriptor.
   */
  ringConsume(fd: number, max: number): RingBatch | number;

  /** Maps memory of a descriptor: an mmap-able map, or the ring of a perf event (a page, and 2^n of records). `length` is rounded up to whole pages. Or a negative errno. */
  map(fd: number, offset: number, length: number, access: { readonly write: boolean }): Mapping | number;

  /**
   * Waits until one of the descriptors has something to read, `timeout` milliseconds have passed (-1: for ever) or the
   * signal is aborted.
   *
   * @returns the ready descriptors; empty after a timeout or an abort.
   */
  wait(fds: readonly number[], timeout: number, signal?: AbortSignal): Promise<readonly number[]>;
}

/**
 * The caller's memory as the kernel sees it. On the live port addresses are those of this process; on the embedded one
 * they name entries of a table of lent buffers.
 */
export interface UserMemory {
  /**
   * Makes `bytes` visible to the kernel until `release`, at the address returned. The buffer stays the caller's: the
   * kernel reads and writes it in place, only during calls. An empty buffer has address 0.
   */
  lend(bytes: Uint8Array): bigint;

  /** Ends a loan. The address must be one that `lend` returned. */
  release(address: bigint): void;

  /**
   * The bytes at an address, as a view where that is possible, else a copy: what a kernel reads for itself and what a
   * tracer of system calls prints.
   *
   * @returns null where any byte of the range is not readable (EFAULT).
   */
  read(address: bigint, length: number): Uint8Array | null;

  /** Copies `bytes` to an address. False where any byte of the range is not writable (EFAULT); then nothing is written. */
  write(address: bigint, bytes: Uint8Array): boolean;
}

/** Records taken from a ring, oldest first. */
export interface RingBatch {
  /** One entry a record: a view into the ring, valid until `release`; copy what must live longer. */
  readonly records: readonly Uint8Array[];
  /** Records that were lost before this batch, as far as the ring reports it. */
  readonly lost: number;
  /** Gives the space of the records back to the producers. */
  release(): void;
}

/** Memory shared with the kernel. After `close` every call throws; nobody outside a port sees the memory itself. */
export interface Mapping {
  readonly length: number;
  /** A copy of bytes: the caller's own. */
  read(offset: number, length: number): Uint8Array;
  /** Copies bytes in; the caller keeps them. */
  write(offset: number, bytes: Uint8Array): void;
  /** Sequentially consistent; `offset` is a multiple of 4. */
  load32(offset: number): number;
  store32(offset: number, value: number): void;
  close(): void;
}
