import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../mem/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { constantHelper, hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { isKernelAddress, isUserAddress, isUserRange } from "./user-address.ts";

/** Reads into `to`: as many bytes as it tells, or a negative errno. */
export type Read = (call: HelperCall, to: number, size: number, low: number, high: number) => number;

/** The bytes of the one memory from an address on, and how many there are; null where no memory is. */
function kernelBytes(call: HelperCall, low: number, high: number): Uint8Array | null {
  const at = low >>> 0;
  if (high !== KERNEL_BASE_HIGH || at < FIRST_OFFSET) return null;
  const bytes = call.memory.bytes();
  return at < bytes.length ? bytes.subarray(at) : null;
}

/** `copy_from_kernel_nofault` */
export const readKernel: Read = (call, to, size, low, high) => {
  if (!isKernelAddress(low, high)) return -Errno.ERANGE;
  if (size === 0) return 0;
  const from = kernelBytes(call, low, high);
  if (from === null || from.length < size) return -Errno.EFAULT;
  const at = low >>> 0;
  call.memory.bytes().copyWithin(to, at, at + size);
  return 0;
};

/** `strncpy_from_kernel_nofault`: the length counts the NUL, which is there also where the string was cut. */
export const readKernelString: Read = (call, to, size, low, high) => {
  if (size <= 0) return 0;
  if (!isKernelAddress(low, high)) return -Errno.ERANGE;
  const from = kernelBytes(call, low, high);
  if (from === null) return -Errno.EFAULT;
  const end = from.subarray(0, size).indexOf(0);
  if (end < 0 && from.length < size) return -Errno.EFAULT;
  return putString(call, to, size, end < 0 ? from.subarray(0, size) : from.subarray(0, end));
};

/** `copy_from_user_nofault` */
export const readUser: Read = (call, to, size, low, high) => {
  if (!isUserRange(low, high, size)) return -Errno.EFAULT;
  if (size === 0) return 0;
  const from = call.services.userBytes?.(low, high, size) ?? null;
  if (from === null) return -Errno.EFAULT;
  call.memory.bytes().set(from, to);
  return 0;
};

/** `strncpy_from_user_nofault` */
export const readUserString: Read = (call, to, size, low, high) => {
  if (size <= 0) return 0;
  if (!isUserAddress(low, high)) return -Errno.EFAULT;
  const text = call.services.userString?.(low, high, size) ?? null;
  return text === null ? -Errno.EFAULT : putString(call, to, size, text);
};

/** Writes a string without its NUL, cut where it is too long. @returns its length with the NUL. */
function putString(call: HelperCall, to: number, size: number, text: Uint8Array): number {
  const length = Math.min(text.length, size - 1);
  const bytes = call.memory.bytes();
  bytes.set(text.subarray(0, length), to);
  bytes[to + length] = 0;
  return length + 1;
}

/** Where an address does not say whose it is, its place does (`bpf_probe_read_compat`). */
function either(user: Read, kernel: Read): Read {
  return (call, to, size, low, high) =>
    isUserAddress(low, high) ? user(call, to, size, low, high) : kernel(call, to, size, low, high);
}

/** A helper that reads memory which may not be there: what it could not read is zeros. */
function probe(id: number, read: Read): Helper {
  return hostHelper(
    id,
    { args: ["ptr", "i32", "i64"], result: "i32" },
    (call: HelperCall, to: number, size: number, low: number, high: number) => {
      to >>>= 0;
      const result = read(call, to, size, low, high);
      if (result < 0) call.memory.bytes().fill(0, to, to + (size >>> 0));
      return result;
    },
  );
}

/** `bpf_probe_write_user`: EPERM for a thread of the kernel, which has no user memory. */
function writeUser(call: HelperCall, low: number, high: number, from: number, size: number): number {
  const at = from >>> 0;
  const bytes = call.memory.bytes().subarray(at, at + (size >>> 0));
  const written = call.services.writeUser?.(low, high, bytes) ?? null;
  if (written === null) return -Errno.EPERM;
  return written && isUserRange(low, high, bytes.length) ? 0 : -Errno.EFAULT;
}

export const PROBE_HELPERS: readonly Helper[] = [
  probe(BpfFuncId.probe_read_kernel, readKernel),
  probe(BpfFuncId.probe_read_kernel_str, readKernelString),
  probe(BpfFuncId.probe_read_user, readUser),
  probe(BpfFuncId.probe_read_user_str, readUserString),
  probe(BpfFuncId.probe_read, either(readUser, readKernel)),
  probe(BpfFuncId.probe_read_str, either(readUserString, readKernelString)),
  constantHelper(
    BpfFuncId.d_path,
    {
      args: ["ptr", "ptr", "i32"],
      result: "i32",
      always: -Errno.EFAULT,
      here: "There are no paths: no struct path can be read.",
    },
    (_call, _path, _to, size) => (size === 0 ? 0 : undefined),
  ),
  hostHelper(BpfFuncId.probe_write_user, { args: ["i64", "ptr", "i32"], result: "i32" }, writeUser),
];
