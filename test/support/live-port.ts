import {
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from "node:fs";
import type { Mapping, Port, RingBatch, UserMemory } from "../../src/sys/index.ts";

const SYS_BPF = 321;
const SYS_PERF_EVENT_OPEN = 298;
/** O_RDONLY is 0. */
const O_CLOEXEC = 0x8_0000;

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number;
  };
  address(buffer: object): bigint;
  view(pointer: object, length: number): ArrayBuffer;
  errno(): number;
  os: { errno: Record<string, number> };
}

const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Memory that is shared with the kernel. */
class LiveMapping implements Mapping {
  readonly length: number;
  #bytes: Uint8Array | null;
  readonly #end: () => void;

  constructor(bytes: Uint8Array, end: () => void) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#end = end;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#open.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#open.set(bytes, offset);
  }

  load32(offset: number): number {
    return Atomics.load(this.#words, offset >>> 2);
  }

  store32(offset: number, value: number): void {
    Atomics.store(this.#words, offset >>> 2, value);
  }

  close(): void {
    if (this.#bytes !== null) this.#end();
    this.#bytes = null;
  }

  get #open(): Uint8Array {
    if (this.#bytes === null) throw new RangeError("mapping: expected an open one, got a closed one");
    return this.#bytes;
  }

  get #words(): Int32Array {
    const bytes = this.#open;
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  }
}

/** Runs `act` while this thread's effective capabilities are these, by number; afterwards they are what they were. */
export type WithCapabilities = <T>(capabilities: readonly number[], act: () => T) => T;

/**
 * The live kernel as a port, as far as oracle tests need it: bpf(2), perf events, sockets, files and pins.
 *
 * @returns null with the reason where this machine has no bpf(2) for us.
 */
export async function livePort(): Promise<
  | { port: Port; withCapabilities: WithCapabilities; why: null }
  | { port: null; withCapabilities?: undefined; why: string }
> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { port: null, why: "not Linux on x86-64" };
  if (process.getuid?.() !== 0) return { port: null, why: "not root" };
  let koffi: Koffi;
  try {
    koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  } catch {
    return { port: null, why: "koffi is not installed" };
  }
  const libc = koffi.load(null);
  const syscall = libc.func("syscall", "long", ["long", "long", "void *", "long"]);
  const closeFd = libc.func("close", "int", ["int"]);
  const dupFd = libc.func("dup", "int", ["int"]);
  const dup2 = libc.func("dup2", "int", ["int", "int"]);
  // Not by Node: a worker closes what `fs.openSync` gave it when it ends, and by then the number may be another file's.
  const openFile = libc.func("open", "int", ["str", "int"]);
  const openPerf = libc.func("syscall", "long", ["long", "void *", "long", "long", "long", "long"]);
  const ioctl = libc.func("ioctl", "int", ["int", "ulong", "uint64"]);
  const socket = libc.func("socket", "int", ["int", "int", "int"]);
  const setsockopt = libc.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32"]);
  const mmap = libc.func("mmap", "void *", ["void *", "size_t", "int", "int", "int", "long"]) as unknown as (
    ...args: unknown[]
  ) => object;
  const munmap = libc.func("munmap", "int", ["void *", "size_t"]);
  const negative = (result: number) => (result < 0 ? -koffi.errno() : result);

  // Node gives its children a socket to read from: descriptor 0 would be none of the files that commands refuse.
  if (fstatSync(0).isSocket()) {
    const nothing = openFile("/dev/null", O_CLOEXEC);
    dup2(nothing, 0);
    closeFd(nothing);
  }

  const lent = new Map<bigint, Uint8Array>();
  const memory: UserMemory = {
    lend(bytes) {
      if (bytes.length === 0) return 0n;
      const address = BigInt(koffi.address(bytes));
      lent.set(address, bytes);
      return address;
    },
    release(address) {
      lent.delete(address);
    },
    read(address, length) {
      const bytes = lent.get(address);
      return bytes === undefined || bytes.length < length ? null : bytes.subarray(0, length);
    },
    write: () => false,
  };
  const errnoOf = (error: unknown) => -((error as { errno?: number }).errno ?? -5);
  const attempt = <T>(act: () => T): T | number => {
    try {
      return act();
    } catch (error) {
      return -Math.abs(errnoOf(error));
    }
  };
  const done = (act: () => void): number =>
    attempt(() => {
      act();
      return 0;
    });
  const port: Port = {
    name: "linux",
    memory,
    bpf: (command, attr, size) => negative(syscall(SYS_BPF, command, attr, size)),
    perfEventOpen: (attr, pid, cpu, groupFd, flags) =>
      negative(openPerf(SYS_PERF_EVENT_OPEN, attr, pid, cpu, groupFd, flags)),
    ioctl: (fd, request, argument) => negative(ioctl(fd, request, BigInt(argument))),
    open: (path) => negative(openFile(path, O_CLOEXEC)),
    read: (fd, max) =>
      attempt(() => {
        const bytes = new Uint8Array(max);
        return bytes.subarray(0, readSync(fd, bytes));
      }),
    socket: (domain, type, protocol) => negative(socket(domain, type, protocol)),
    setSocketOption: (fd, level, option, value) =>
      negative(setsockopt(fd, level, option, value, value.length)),
    close: (fd) => negative(closeFd(fd)),
    dup: (fd) => negative(dupFd(fd)),
    readFile: (path) => attempt(() => new Uint8Array(readFileSync(path))),
    readDirectory: (path) => attempt(() => readdirSync(path).sort()),
    makeDirectory: (path) => done(() => mkdirSync(path)),
    remove: (path) => done(() => (statSync(path).isDirectory() ? rmdirSync(path) : unlinkSync(path))),
    ringConsume: (): RingBatch | number => -38,
    map: (fd, offset, length, { write }) => {
      const protection = write ? 3 : 1;
      const pages = mmap(null, length, protection, MAP_SHARED, fd, offset);
      if (koffi.address(pages) === MAP_FAILED) return -koffi.errno();
      return new LiveMapping(new Uint8Array(koffi.view(pages, length)), () => void munmap(pages, length));
    },
    wait: async () => [],
  };
  const probe = port.bpf(0, new Uint8Array(8), 8);
  if (probe === -1 || probe === -38) return { port: null, why: "bpf(2) is not allowed here" };
  const capabilities = libc.func("syscall", "long", ["long", "void *", "void *"]);
  return { port, withCapabilities: (wanted, act) => limited(capabilities, wanted, act), why: null };
}

const SYS_CAPGET = 125;
const SYS_CAPSET = 126;

/** `struct __user_cap_data_struct`, twice: for each word of capabilities effective, permitted, inheritable. */
function limited<T>(
  syscall: (...args: unknown[]) => number,
  capabilities: readonly number[],
  act: () => T,
): T {
  // _LINUX_CAPABILITY_VERSION_3, this thread.
  const header = new Uint8Array(Uint32Array.of(0x20080522, 0).buffer);
  const before = new Uint32Array(6);
  if (syscall(SYS_CAPGET, header, new Uint8Array(before.buffer)) !== 0) throw new Error("capget failed");
  const during = before.slice();
  during[0] = during[3] = 0;
  for (const number of capabilities) during[number < 32 ? 0 : 3]! |= 1 << (number & 31);
  const set = (data: Uint32Array) => {
    if (syscall(SYS_CAPSET, header, new Uint8Array(data.buffer)) !== 0) throw new Error("capset failed");
  };
  set(during);
  try {
    return act();
  } finally {
    set(before);
  }
}
