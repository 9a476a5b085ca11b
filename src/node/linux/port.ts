import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BpfCommands,
  type Mapping,
  mapInfo,
  type Port,
  type RingBatch,
  type UserMemory,
} from "../../sys/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { CFunction, Libc } from "./libc.ts";
import { LinuxMapping } from "./mapping.ts";
import { LinuxMemory } from "./memory.ts";
import { BpfRing, type LinuxRing, PerfEventRing } from "./rings.ts";
import { type SyscallNumbers, syscallNumbers } from "./syscalls.ts";

const O_CLOEXEC = 0x8_0000;
const MAP_SHARED = 1;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const POLLIN = 1;
/** `struct pollfd`: a descriptor, what is asked, what there is. */
const POLLFD_SIZE = 8;
/** Pages of records of a perf event whose ring nobody has mapped. */
const PERF_PAGES = 64;
/** Milliseconds between two looks at what somebody waits for: the first is at once, and each later than the one before. */
const LONGEST_NAP = 5;

/** What a descriptor is, as far as its ring is concerned; nothing where it is not open. */
type Kind = "map" | "perf" | "other" | "nothing";

/** A ring, and whether nobody but the port has mapped it. */
interface OpenRing {
  readonly ring: LinuxRing;
  readonly own: boolean;
}

/** The running kernel: system calls of this process, through the C library. */
export class LinuxPort implements Port {
  readonly name = "linux";
  readonly memory: UserMemory;
  readonly #libc: Libc;
  readonly #numbers: SyscallNumbers;
  readonly #syscall: CFunction;
  readonly #perfEventOpen: CFunction;
  readonly #ioctl: CFunction;
  readonly #open: CFunction;
  readonly #close: CFunction;
  readonly #dup: CFunction;
  readonly #socket: CFunction;
  readonly #setsockopt: CFunction;
  readonly #poll: CFunction;
  readonly #mmap: (...args: readonly unknown[]) => object;
  readonly #munmap: CFunction;
  readonly #pageSize: number;
  /** By descriptor: rings that records are taken from, and what was given out last. */
  readonly #rings = new Map<number, OpenRing>();
  readonly #batches = new Map<number, RingBatch>();

  constructor(libc: Libc, numbers: SyscallNumbers = syscallNumbers(process.arch)) {
    this.#libc = libc;
    this.#numbers = numbers;
    this.memory = new LinuxMemory((bytes) => libc.address(bytes));
    this.#syscall = libc.func("syscall", "long", ["long", "long", "void *", "long"]);
    const perfArguments = ["long", "void *", "long", "long", "long", "long"];
    this.#perfEventOpen = libc.func("syscall", "long", perfArguments);
    this.#ioctl = libc.func("ioctl", "int", ["int", "ulong", "uint64"]);
    // Not by Node: a worker closes what `fs.openSync` gave it when it ends, and by then the number may be another file's.
    this.#open = libc.func("open", "int", ["str", "int"]);
    this.#close = libc.func("close", "int", ["int"]);
    this.#dup = libc.func("dup", "int", ["int"]);
    this.#socket = libc.func("socket", "int", ["int", "int", "int"]);
    this.#setsockopt = libc.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32"]);
    this.#poll = libc.func("poll", "int", ["void *", "ulong", "int"]);
    const mmap = libc.func("mmap", "void *", ["void *", "size_t", "int", "int", "int", "long"]);
    this.#mmap = mmap as unknown as (...args: readonly unknown[]) => object;
    this.#munmap = libc.func("munmap", "int", ["void *", "size_t"]);
    this.#pageSize = libc.func("getpagesize", "int", [])();
  }

  bpf(command: number, attr: Uint8Array, size: number): number {
    return this.#checked(this.#syscall(this.#numbers.bpf, command, attr, size));
  }

  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number {
    return this.#checked(this.#perfEventOpen(this.#numbers.perf_event_open, attr, pid, cpu, groupFd, flags));
  }

  ioctl(fd: number, request: number, argument: number | bigint): number {
    return this.#checked(this.#ioctl(fd, request, BigInt.asUintN(64, BigInt(argument))));
  }

  open(path: string): number {
    return this.#checked(this.#open(path, O_CLOEXEC));
  }

  read(fd: number, max: number): Uint8Array | number {
    return attempt(() => {
      const bytes = new Uint8Array(max);
      return bytes.subarray(0, readSync(fd, bytes));
    });
  }

  socket(domain: number, type: number, protocol: number): number {
    return this.#checked(this.#socket(domain, type, protocol));
  }

  setSocketOption(fd: number, level: number, option: number, value: Uint8Array): number {
    return this.#checked(this.#setsockopt(fd, level, option, value, value.length));
  }

  close(fd: number): number {
    this.#endRing(fd);
    return this.#checked(this.#close(fd));
  }

  dup(fd: number): number {
    return this.#checked(this.#dup(fd));
  }

  readFile(path: string): Uint8Array | number {
    return attempt(() => new Uint8Array(readFileSync(path)));
  }

  readDirectory(path: string): readonly string[] | number {
    return attempt(() => readdirSync(path).sort());
  }

  makeDirectory(path: string): number {
    return done(() => mkdirSync(path));
  }

  remove(path: string): number {
    return done(() => (statSync(path).isDirectory() ? rmdirSync(path) : unlinkSync(path)));
  }

  ringConsume(fd: number, max: number): RingBatch | number {
    const ring = this.#ringOf(fd);
    if (typeof ring === "number") return ring;
    this.#batches.get(fd)?.release();
    const { records, lost, end } = ring.take(max);
    let taken = true;
    const batch: RingBatch = {
      records,
      lost,
      release: () => {
        if (taken) ring.consume(end);
        taken = false;
      },
    };
    this.#batches.set(fd, batch);
    return batch;
  }

  map(fd: number, offset: number, length: number, access: { readonly write: boolean }): Mapping | number {
    const mapping = this.#map(fd, offset, length, access.write);
    // A second mapping of a perf event must be as long as the first: its records are taken out of this one.
    if (typeof mapping !== "number" && offset === 0 && access.write && this.#kindOf(fd) === "perf")
      this.#rings.set(fd, { ring: new PerfEventRing(mapping), own: false });
    return mapping;
  }

  async wait(fds: readonly number[], timeout: number, signal?: AbortSignal): Promise<readonly number[]> {
    const end = timeout < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    for (const fd of fds) if (this.#kindOf(fd) === "perf") this.#ringOf(fd);
    for (let nap = 0; ; nap = Math.min(nap + 1, LONGEST_NAP)) {
      if (signal?.aborted === true) return [];
      const ready = this.#ready(fds);
      const left = end - performance.now();
      if (ready.length > 0 || left <= 0) return ready;
      // Timers, and not a call that blocks elsewhere: nothing of it outlives the process's last line.
      await sleep(Math.min(nap, left), undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }

  /** Ends all rings: what they mapped is unmapped. */
  closeRings(): void {
    for (const fd of this.#rings.keys()) this.#endRing(fd);
  }

  #checked(result: number): number {
    return result < 0 ? -this.#libc.errno() : result;
  }

  #map(fd: number, offset: number, length: number, write: boolean): LinuxMapping | number {
    const protection = write ? PROT_READ | PROT_WRITE : PROT_READ;
    const pages = this.#mmap(null, length, protection, MAP_SHARED, fd, offset);
    if (this.#libc.address(pages) === MAP_FAILED) return -this.#libc.errno();
    const whole = Math.ceil(length / this.#pageSize) * this.#pageSize;
    return new LinuxMapping(this.#libc.view(pages, whole), () => {
      this.#munmap(pages, whole);
    });
  }

  #kindOf(fd: number): Kind {
    try {
      const name = readlinkSync(`/proc/self/fd/${fd}`);
      return name === "anon_inode:bpf-map" ? "map" : name === "anon_inode:[perf_event]" ? "perf" : "other";
    } catch {
      return "nothing";
    }
  }

  #ringOf(fd: number): LinuxRing | number {
    const known = this.#rings.get(fd);
    if (known !== undefined && !known.ring.closed) return known.ring;
    const ring = this.#newRing(fd);
    if (typeof ring !== "number") this.#rings.set(fd, { ring, own: true });
    return ring;
  }

  #newRing(fd: number): LinuxRing | number {
    switch (this.#kindOf(fd)) {
      case "map":
        return this.#bpfRing(fd);
      case "perf":
        return this.#perfRing(fd);
      case "other":
        return -Errno.EINVAL;
      case "nothing":
        return -Errno.EBADF;
    }
  }

  #bpfRing(fd: number): LinuxRing | number {
    const { type, maxEntries } = mapInfo(new BpfCommands(this), fd);
    if (type !== BpfMapType.RINGBUF) return -Errno.EINVAL;
    const consumer = this.#map(fd, 0, this.#pageSize, true);
    if (typeof consumer === "number") return consumer;
    const producer = this.#map(fd, this.#pageSize, this.#pageSize + 2 * maxEntries, false);
    if (typeof producer === "number") {
      consumer.close();
      return producer;
    }
    return new BpfRing(consumer, producer, maxEntries);
  }

  #perfRing(fd: number): LinuxRing | number {
    const mapping = this.#map(fd, 0, (1 + PERF_PAGES) * this.#pageSize, true);
    return typeof mapping === "number" ? mapping : new PerfEventRing(mapping);
  }

  /** Rings are looked at; the rest is asked for by poll(2). */
  #ready(fds: readonly number[]): number[] {
    const asked: number[] = [];
    const ready = fds.filter((fd) => {
      const ring = this.#rings.get(fd)?.ring;
      if (ring?.closed === false) return ring.ready();
      asked.push(fd);
      return false;
    });
    return asked.length === 0 ? ready : [...ready, ...this.#polled(asked)];
  }

  #polled(fds: readonly number[]): number[] {
    const bytes = new Uint8Array(POLLFD_SIZE * fds.length);
    const view = new DataView(bytes.buffer);
    for (const [i, fd] of fds.entries()) {
      view.setInt32(POLLFD_SIZE * i, fd, true);
      view.setInt16(POLLFD_SIZE * i + 4, POLLIN, true);
    }
    if (this.#poll(bytes, fds.length, 0) <= 0) return [];
    return fds.filter((_, i) => (view.getInt16(POLLFD_SIZE * i + 6, true) & POLLIN) !== 0);
  }

  #endRing(fd: number): void {
    this.#batches.delete(fd);
    const open = this.#rings.get(fd);
    if (open?.own === true) open.ring.close();
    this.#rings.delete(fd);
  }
}

/** What something gives, or the negative errno of what it throws. */
function attempt<T>(act: () => T): T | number {
  try {
    return act();
  } catch (error) {
    return -Math.abs((error as { errno?: number }).errno ?? Errno.EIO);
  }
}

function done(act: () => void): number {
  return attempt(() => {
    act();
    return 0;
  });
}
