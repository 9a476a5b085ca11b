import { u64 } from "../base/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { ArgumentCheck, HelperCall, Kfunc } from "./helper.ts";
import { pointerAt, setPointer } from "./objects/pointer-word.ts";

/** `struct bpf_iter_task_kern`: a process, the task that comes next, and which ones are wanted. */
const TASK = 0;
const POSITION = 8;
const FLAGS = 16;

/** `BPF_TASK_ITER_*` */
const ALL_PROCESSES = 0;
const ALL_THREADS = 1;
const THREADS_OF_ONE = 2;

const ITERATOR: ArgumentCheck = { kind: "fixedMemory", bytes: 24, write: true };

/** `bpf_iter_task_new` */
function create(call: HelperCall, at: number, task: number, flags: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  setPointer(view, iterator + POSITION, 0);
  if (flags >>> 0 > THREADS_OF_ONE || (flags === THREADS_OF_ONE && task === 0)) return -Errno.EINVAL;
  const first = flags === THREADS_OF_ONE ? task >>> 0 : (call.services.tasks?.all()[0]?.offset ?? 0);
  setPointer(view, iterator + TASK, first);
  setPointer(view, iterator + POSITION, first);
  view.setUint32(iterator + FLAGS, flags, true);
  return 0;
}

/** `bpf_iter_task_next`: processes in the order in which they came, the idle task first; threads behind their process. */
function next(call: HelperCall, at: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  const position = pointerAt(view, iterator + POSITION);
  if (position === 0) return 0;
  const flags = view.getUint32(iterator + FLAGS, true);
  const all = call.services.tasks?.all() ?? [];
  if (flags !== ALL_PROCESSES) {
    const index = all.findIndex(({ offset }) => offset === position);
    const { tgid } = all[index] ?? { tgid: -1 };
    const thread = all.find((task, i) => i > index && task.tgid === tgid && task.pid !== tgid);
    setPointer(view, iterator + POSITION, thread?.offset ?? 0);
    if (thread !== undefined || flags !== ALL_THREADS) return position;
  }
  const leader = all.findIndex(({ offset }) => offset === pointerAt(view, iterator + TASK));
  const process = all.find(({ pid, tgid }, i) => i > leader && leader >= 0 && pid === tgid);
  setPointer(view, iterator + TASK, process?.offset ?? 0);
  setPointer(view, iterator + POSITION, process?.offset ?? 0);
  return position;
}

/** `struct bpf_iter_task_vma`: the task whose areas are walked, and how many were. */
const OWNER = 0;
const DONE = 4;

const VMA_ITERATOR: ArgumentCheck = { kind: "fixedMemory", bytes: 8, write: true };

/** `bpf_iter_task_vma_new`: ENOENT for a task without user memory. Nobody else holds the lock of an address space. */
function createVma(call: HelperCall, at: number, task: number, low: number, high: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  view.setBigUint64(iterator, 0n, true);
  const areas = call.services.tasks?.areas(task >>> 0) ?? null;
  if (areas === null) return -Errno.ENOENT;
  const end = (each: { readonly end: bigint }) => each.end > u64(low, high);
  const first = areas.findIndex(end);
  view.setUint32(iterator + OWNER, task, true);
  view.setUint32(iterator + DONE, first < 0 ? areas.length : first, true);
  return 0;
}

function nextVma(call: HelperCall, at: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  const task = view.getUint32(iterator + OWNER, true);
  if (task === 0) return 0;
  const done = view.getUint32(iterator + DONE, true);
  view.setUint32(iterator + DONE, done + 1, true);
  return call.services.tasks?.areas(task)?.[done]?.offset ?? 0;
}

/** Open-coded iterators over tasks and the areas of their address spaces. */
export const ITER_TASK_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_iter_task_new", { args: ["ptr", "ptr", "i32"], result: "u32", checks: [ITERATOR] }, create),
  hostKfunc("bpf_iter_task_next", { args: ["ptr"], result: "ptr", checks: [ITERATOR] }, next),
  hostKfunc("bpf_iter_task_destroy", { args: ["ptr"], result: "void", checks: [ITERATOR] }, () => 0),
  hostKfunc(
    "bpf_iter_task_vma_new",
    { args: ["ptr", "ptr", "i64"], result: "u32", checks: [VMA_ITERATOR] },
    createVma,
  ),
  hostKfunc("bpf_iter_task_vma_next", { args: ["ptr"], result: "ptr", checks: [VMA_ITERATOR] }, nextVma),
  hostKfunc("bpf_iter_task_vma_destroy", { args: ["ptr"], result: "void", checks: [VMA_ITERATOR] }, () => 0),
];
