import { utf8 } from "../base/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import type { CurrentTask } from "./services.ts";

const IDLE: CurrentTask = { pid: 0, tgid: 0, comm: "swapper/0" };

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

/** What the task that runs is. */
export const TASK_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.get_current_pid_tgid, { args: [], result: "i64" }, (call) => {
    const { pid, tgid } = current(call);
    call.resultHigh = tgid;
    return pid;
  }),
  hostHelper(BpfFuncId.get_current_comm, { args: ["ptr", "i32"], result: "i32" }, comm),
];
