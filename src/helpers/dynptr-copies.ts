import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import { type DynptrData, DynptrField, dynptrAt, dynptrHas } from "./dynptr.ts";
import type { ArgumentCheck, HelperCall, Kfunc } from "./helper.ts";
import { type Read, readKernel, readKernelString, readUser, readUserString } from "./probe-read.ts";
import { CURRENT, userBytesOf, userStringOf } from "./user-copies.ts";

const DYNPTR: ArgumentCheck = { kind: "fixedMemory", bytes: DynptrField.BYTES, write: true };
const ARGUMENTS = ["ptr", "i32", "i32", "i64"] as const;

/** `copy_user_data_sleepable` */
function readAny(whose: number | null): Read {
  return (call, to, size, low, high) => {
    const bytes = userBytesOf(call, whose, low, high, size);
    if (bytes === null) return -Errno.EFAULT;
    call.memory.bytes().set(bytes, to);
    return 0;
  };
}

/** `copy_user_str_sleepable`: the length counts the NUL. */
function readAnyString(whose: number | null): Read {
  return (call, to, size, low, high) => {
    if (size === 0) return 0;
    const text = userStringOf(call, whose, low, high, size - 1);
    if (text === null) return -Errno.EFAULT;
    const bytes = call.memory.bytes();
    bytes.set(text, to);
    bytes[to + text.length] = 0;
    return text.length + 1;
  };
}

/** Memory that may not be there, read into dynptrs. */
export function dynptrCopyKfuncs(contents: DynptrData): readonly Kfunc[] {
  /** `__bpf_dynptr_copy`, `__bpf_dynptr_copy_str`: packets have no fragments here, so that all is in one piece. */
  const copy = (call: HelperCall, read: Read, ...args: number[]): number => {
    const [at, offset, size, low, high] = args as [number, number, number, number, number];
    const dynptr = dynptrAt(call, at >>> 0);
    const [start, length] = [offset >>> 0, size >>> 0];
    // A dynptr of nothing has no bytes.
    if (dynptr === null) return start === 0 && length === 0 ? 0 : -Errno.E2BIG;
    if (!dynptrHas(dynptr, start, length)) return -Errno.E2BIG;
    const place = dynptr.readOnly ? 0 : contents.place(call, dynptr, start, length);
    if (place === 0) return length === 0 ? 0 : -Errno.EINVAL;
    return read(call, place, length, low, high);
  };

  const reads = (name: string, read: Read): Kfunc =>
    hostKfunc(name, { args: ARGUMENTS, result: "u32", checks: [DYNPTR] }, (call, ...args) =>
      copy(call, read, ...args),
    );

  /** The same of another task's user memory. */
  const readsOf = (name: string, read: (task: number) => Read): Kfunc =>
    hostKfunc(name, { args: [...ARGUMENTS, "ptr"], result: "u32", checks: [DYNPTR] }, (call, ...args) =>
      copy(call, read(args[5]! >>> 0), ...args),
    );

  return [
    reads("bpf_probe_read_user_dynptr", readUser),
    reads("bpf_probe_read_kernel_dynptr", readKernel),
    reads("bpf_probe_read_user_str_dynptr", readUserString),
    reads("bpf_probe_read_kernel_str_dynptr", readKernelString),
    reads("bpf_copy_from_user_dynptr", readAny(CURRENT)),
    reads("bpf_copy_from_user_str_dynptr", readAnyString(CURRENT)),
    readsOf("bpf_copy_from_user_task_dynptr", readAny),
    readsOf("bpf_copy_from_user_task_str_dynptr", readAnyString),
  ];
}
