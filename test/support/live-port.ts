import { fstatSync } from "node:fs";
import { messageOf } from "../../src/base/index.ts";
import { type Libc, openLibc } from "../../src/node/linux/libc.ts";
import { LinuxPort } from "../../src/node/linux/port.ts";
import type { Port } from "../../src/sys/index.ts";

const O_CLOEXEC = 0x8_0000;

/** Runs `act` while this thread's effective capabilities are these, by number; afterwards they are what they were. */
export type WithCapabilities = <T>(capabilities: readonly number[], act: () => T) => T;

/**
 * The live kernel as a port.
 *
 * @returns null with the reason where this machine has no bpf(2) for us.
 */
export async function livePort(): Promise<
  | { port: Port; withCapabilities: WithCapabilities; why: null }
  | { port: null; withCapabilities?: undefined; why: string }
> {
  // Numbers of system calls beside those of the port are x86-64's here.
  if (process.platform !== "linux" || process.arch !== "x64")
    return { port: null, why: "not Linux on x86-64" };
  if (process.getuid?.() !== 0) return { port: null, why: "not root" };
  let libc: Libc;
  try {
    libc = await openLibc();
  } catch (error) {
    return { port: null, why: messageOf(error) };
  }
  readFromNothing(libc);
  const port = new LinuxPort(libc);
  const probe = port.bpf(0, new Uint8Array(8), 8);
  if (probe === -1 || probe === -38) return { port: null, why: "bpf(2) is not allowed here" };
  const capabilities = libc.func("syscall", "long", ["long", "void *", "void *"]);
  return { port, withCapabilities: (wanted, act) => limited(capabilities, wanted, act), why: null };
}

/** Node gives its children a socket to read from: descriptor 0 would be none of the files that commands refuse. */
function readFromNothing(libc: Libc): void {
  if (!fstatSync(0).isSocket()) return;
  const nothing = libc.func("open", "int", ["str", "int"])("/dev/null", O_CLOEXEC);
  libc.func("dup2", "int", ["int", "int"])(nothing, 0);
  libc.func("close", "int", ["int"])(nothing);
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
