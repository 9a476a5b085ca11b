import { utf8 } from "../base/index.ts";
import { addressOf } from "../mem/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import type { CurrentTask, TaskCgroup } from "./services.ts";
import { wide } from "./wide.ts";

const ROOT: TaskCgroup = { id: 1, ancestorAt: (level) => (level === 0 ? ROOT : undefined) };

const IDLE: CurrentTask = { pid: 0, tgid: 0, comm: "swapper/0", uid: 0, gid: 0, offset: 0, cgroup: ROOT };

function current(call: HelperCall): CurrentTask {
  return call.services.task?.() ?? IDLE;
}

/** `bpf_get_current_comm`: cut where it is too long, and filled up with zeros. */
function comm(call: HelperCall, to: number, size: number): number {
  const at = to >>> 0;
  const room = size >>> 0;
  const bytes = call.memory.bytes();
  bytes.fill(0, at, at + room);
  if (room > 0) bytes.set(utf8(current(call).comm).subarray(0, room - 1), at);
  return 0;
}

/** `bpf_send_signal`, `bpf_send_signal_thread` */
function sendSignal(call: HelperCall, signal: number): number {
  return call.services.signal?.(signal) ?? -Errno.EPERM;
}

/** `sizeof(struct bpf_pidns_info)` */
const NUMBERS_SIZE = 8;

/** The file of the initial namespace of numbers: on the device of nsfs, with a fixed number (`PROC_PID_INIT_INO`). */
const NAMESPACE = { device: 4, inode: 0xefff_fffc } as const;

/** `bpf_get_ns_current_pid_tgid`: all tasks are in the initial namespace. Zeros where another is named. */
function namespaceNumbers(call: HelperCall, ...args: number[]): number {
  const [device, deviceHigh, inode, inodeHigh, to, size] = args as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = to >>> 0;
  const isOwn =
    device === NAMESPACE.device && deviceHigh === 0 && inode >>> 0 === NAMESPACE.inode && inodeHigh === 0;
  if (size !== NUMBERS_SIZE || !isOwn) {
    call.memory.bytes().fill(0, at, at + (size >>> 0));
    return -Errno.EINVAL;
  }
  const { pid, tgid } = current(call);
  const view = call.memory.view();
  view.setUint32(at, pid, true);
  view.setUint32(at + 4, tgid, true);
  return 0;
}

const NONE = { args: [], result: "i64" } as const;

/** What the task that runs is. */
export const TASK_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.get_current_pid_tgid, NONE, (call) => {
    const { pid, tgid } = current(call);
    call.resultHigh = tgid;
    return pid;
  }),
  hostHelper(BpfFuncId.get_current_uid_gid, NONE, (call) => {
    const { uid, gid } = current(call);
    call.resultHigh = gid | 0;
    return uid | 0;
  }),
  hostHelper(BpfFuncId.get_current_comm, { args: ["ptr", "i32"], result: "i32" }, comm),
  hostHelper(BpfFuncId.get_current_task, NONE, (call) => {
    const { offset } = current(call);
    const address = offset === 0 ? 0n : addressOf(offset);
    call.resultHigh = Number(BigInt.asIntN(32, address >> 32n));
    return offset | 0;
  }),
  hostHelper(BpfFuncId.get_current_task_btf, { args: [], result: "ptr" }, (call) => current(call).offset),
  // The registers that the task has in user space: none where it is not known.
  hostHelper(
    BpfFuncId.task_pt_regs,
    { args: ["ptr"], result: "ptr" },
    (call) => call.services.run?.().regs ?? 0,
  ),
  hostHelper(BpfFuncId.get_current_cgroup_id, NONE, (call) => wide(call, current(call).cgroup.id)),
  hostHelper(
    BpfFuncId.get_current_ancestor_cgroup_id,
    { args: ["i32"], result: "i64" },
    (call: HelperCall, level: number) => wide(call, current(call).cgroup.ancestorAt(level)?.id ?? 0),
  ),
  hostHelper(
    BpfFuncId.get_ns_current_pid_tgid,
    {
      args: ["i64", "i64", "ptr", "i32"],
      result: "i32",
      here: "There is one namespace of numbers: device 4, inode 0xeffffffc.",
    },
    namespaceNumbers,
  ),
  hostHelper(BpfFuncId.send_signal, { args: ["i32"], result: "i32" }, sendSignal),
  hostHelper(BpfFuncId.send_signal_thread, { args: ["i32"], result: "i32" }, sendSignal),
];
