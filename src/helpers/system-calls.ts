import { textOf } from "../base/index.ts";
import { BpfCmd, BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { wide } from "./wide.ts";

/** Commands that programs may give. */
const COMMANDS: ReadonlySet<number> = new Set([
  BpfCmd.MAP_CREATE,
  BpfCmd.MAP_DELETE_ELEM,
  BpfCmd.MAP_UPDATE_ELEM,
  BpfCmd.MAP_FREEZE,
  BpfCmd.MAP_GET_FD_BY_ID,
  BpfCmd.PROG_LOAD,
  BpfCmd.BTF_LOAD,
  BpfCmd.LINK_CREATE,
  BpfCmd.RAW_TRACEPOINT_OPEN,
]);

/** A name with its NUL, of so many bytes; null where it is none. */
function nameAt(call: HelperCall, at: number, size: number): string | null {
  if (size <= 1) return null;
  const bytes = call.memory.bytes().subarray(at >>> 0, (at >>> 0) + size);
  if (bytes[size - 1] !== 0) return null;
  return textOf(bytes.slice(0, bytes.indexOf(0)));
}

/** `bpf_btf_find_by_name_kind`: there are no modules, whose types would come with a descriptor. */
function findType(call: HelperCall, at: number, size: number, kind: number, flags: number): number {
  const name = flags === 0 ? nameAt(call, at, size) : null;
  const found =
    name === null
      ? -Errno.EINVAL
      : (call.services.systemCalls?.()?.typeId(name, kind >>> 0) ?? -Errno.ENOENT);
  return wide(call, found);
}

/** `bpf_kallsyms_lookup_name` */
function findSymbol(call: HelperCall, at: number, size: number, flags: number, to: number): number {
  const place = to >>> 0;
  call.memory.view().setBigUint64(place, 0n, true);
  const name = flags === 0 ? nameAt(call, at, size) : null;
  if (name === null) return -Errno.EINVAL;
  const address = call.services.systemCalls?.()?.symbol(name) ?? null;
  if (address === null) return -Errno.EPERM;
  call.memory.view().setBigUint64(place, address, true);
  return address === 0n ? -Errno.ENOENT : 0;
}

/** System calls of programs that user space runs (`BPF_PROG_TYPE_SYSCALL`). */
export const SYSTEM_CALL_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.sys_bpf,
    { args: ["i32", "ptr", "i32"], result: "i32" },
    (call, command, attr, size) => {
      if (!COMMANDS.has(command!)) return -Errno.EINVAL;
      return call.services.systemCalls?.()?.bpf(command!, attr! >>> 0, size! >>> 0) ?? -Errno.EPERM;
    },
  ),
  hostHelper(
    BpfFuncId.sys_close,
    { args: ["i32"], result: "i32" },
    (call, fd) => call.services.systemCalls?.()?.close(fd!) ?? -Errno.EBADF,
  ),
  hostHelper(
    BpfFuncId.btf_find_by_name_kind,
    { args: ["ptr", "i32", "i32", "i32"], result: "i64" },
    findType,
  ),
  hostHelper(
    BpfFuncId.kallsyms_lookup_name,
    { args: ["ptr", "i32", "i32", "ptr"], result: "i32" },
    findSymbol,
  ),
];
