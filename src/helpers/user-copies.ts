import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper, hostKfunc } from "./define.ts";
import type { ArgumentCheck, Helper, HelperCall, Kfunc } from "./helper.ts";
import { isUserRange } from "./user-address.ts";

/** `BPF_F_PAD_ZEROS`: all that is behind the string becomes zero. */
const PAD_ZEROS = 1;

/** Where user memory is read: of the current task, or of the one whose struct is at an offset. */
type Whose = number | null;

/** What stands in front of a task's offset where the current one is meant. */
export const CURRENT: Whose = null;

/** `copy_from_user`, `access_process_vm`: bytes of user memory; null where any of them cannot be read. */
export function userBytesOf(
  call: HelperCall,
  whose: Whose,
  low: number,
  high: number,
  length: number,
): Uint8Array | null {
  if (!isUserRange(low, high, length)) return null;
  if (length === 0) return new Uint8Array(0);
  const { services } = call;
  if (whose === null) return services.userBytes?.(low, high, length) ?? null;
  return services.tasks?.userBytes(whose, low, high, length) ?? null;
}

/** Up to `limit` bytes of a string of user memory, without its NUL; null where it cannot be read. */
export function userStringOf(
  call: HelperCall,
  whose: Whose,
  low: number,
  high: number,
  limit: number,
): Uint8Array | null {
  if (!isUserRange(low, high, 0)) return null;
  if (limit === 0) return new Uint8Array(0);
  const { services } = call;
  if (whose === null) return services.userString?.(low, high, limit) ?? null;
  return services.tasks?.userString(whose, low, high, limit) ?? null;
}

/** Copies user memory to an offset: zeros where it fails. EFAULT. */
function copy(call: HelperCall, to: number, length: number, from: Uint8Array | null): number {
  const bytes = call.memory.bytes();
  if (from === null) bytes.fill(0, to, to + length);
  else bytes.set(from, to);
  return from === null ? -Errno.EFAULT : 0;
}

/** `bpf_copy_from_user_str`, `bpf_copy_from_user_task_str`: the length counts the NUL. EINVAL, EFAULT. */
function copyString(
  call: HelperCall,
  to: number,
  size: number,
  flags: { readonly low: number; readonly high: number },
  read: (limit: number) => Uint8Array | null,
): number {
  if ((flags.low & ~PAD_ZEROS) !== 0 || flags.high !== 0) return -Errno.EINVAL;
  if (size === 0) return 0;
  const text = read(size - 1);
  const bytes = call.memory.bytes();
  const pad = (flags.low & PAD_ZEROS) !== 0;
  if (text === null) {
    if (pad) bytes.fill(0, to, to + size);
    return -Errno.EFAULT;
  }
  bytes.set(text, to);
  bytes.fill(0, to + text.length, pad ? to + size : to + text.length + 1);
  return text.length + 1;
}

/** User memory that is waited for: here it is there, or never. */
export const USER_COPY_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.copy_from_user,
    { args: ["ptr", "i32", "i64"], result: "i32" },
    (call, to, size, low, high) => {
      const length = size! >>> 0;
      return copy(call, to! >>> 0, length, userBytesOf(call, CURRENT, low!, high!, length));
    },
  ),
  hostHelper(
    BpfFuncId.copy_from_user_task,
    { args: ["ptr", "i32", "i64", "ptr", "i64"], result: "i32" },
    (call, to, size, low, high, task, flags, flagsHigh) => {
      if (flags !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
      const length = size! >>> 0;
      if (length === 0) return 0;
      return copy(call, to! >>> 0, length, userBytesOf(call, task! >>> 0, low!, high!, length));
    },
  ),
];

const MEMORY: ArgumentCheck = { kind: "memory", size: 2, write: true };

export const USER_COPY_KFUNCS: readonly Kfunc[] = [
  hostKfunc(
    "bpf_copy_from_user_str",
    { args: ["ptr", "i32", "i64", "i64"], result: "u32", checks: [MEMORY] },
    (call, to, size, low, high, flags, flagsHigh) =>
      copyString(call, to! >>> 0, size! >>> 0, { low: flags!, high: flagsHigh! }, (limit) =>
        userStringOf(call, CURRENT, low!, high!, limit),
      ),
  ),
  hostKfunc(
    "bpf_copy_from_user_task_str",
    { args: ["ptr", "i32", "i64", "ptr", "i64"], result: "u32", checks: [MEMORY] },
    (call, to, size, low, high, task, flags, flagsHigh) =>
      copyString(call, to! >>> 0, size! >>> 0, { low: flags!, high: flagsHigh! }, (limit) =>
        userStringOf(call, task! >>> 0, low!, high!, limit),
      ),
  ),
];
