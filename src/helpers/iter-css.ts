import { offsetOf } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { ArgumentCheck, HelperCall, Kfunc } from "./helper.ts";
import { pointerAt, setPointer } from "./objects/pointer-word.ts";

/** `struct bpf_iter_css_kern`: where the walk began, where it is, and how it goes. */
const START = 0;
const POSITION = 8;
const FLAGS = 16;

/** `BPF_CGROUP_ITER_*` */
const PRE = 2;
const POST = 3;
const UP = 4;

/** `struct bpf_iter_css_task`: the group whose tasks are walked; how many of them were, and which are wanted. */
const GROUP = 0;
const DONE = 4;

/** `CSS_TASK_ITER_PROCS`, and also of threaded groups; packed above the number of tasks that were walked. */
const PROCESSES = 1;
const THREADED = 2;
const FLAGS_SHIFT = 30;
const COUNT = (1 << FLAGS_SHIFT) - 1;

const ITERATOR: ArgumentCheck = { kind: "fixedMemory", bytes: 24, write: true };
const TASK_ITERATOR: ArgumentCheck = { kind: "fixedMemory", bytes: 8, write: true };

/** Open-coded iterators over control groups and the tasks in them. */
export function iterCssKfuncs(layout: KernelLayout): readonly Kfunc[] {
  const PARENT = layout.offset("cgroup_subsys_state.parent");
  /** The state of a group itself (`cgroup_css` without a controller) is a part of it: groups are named by it here. */
  const SELF = layout.offset("cgroup.self");

  const create = (call: HelperCall, at: number, start: number, flags: number): number => {
    const iterator = at >>> 0;
    const view = call.memory.view();
    setPointer(view, iterator + START, 0);
    if (flags !== PRE && flags !== POST && flags !== UP) return -Errno.EINVAL;
    setPointer(view, iterator + START, start >>> 0);
    setPointer(view, iterator + POSITION, 0);
    view.setUint32(iterator + FLAGS, flags, true);
    return 0;
  };

  /** The group that comes next, parents first or last. */
  const descend = (call: HelperCall, start: number, position: number, post: boolean): number => {
    const below = call.services.cgroups?.below(start - SELF) ?? [];
    const order = post ? parentsLast(call, below) : below;
    // The walk that is at none begins; one whose group is gone ends.
    const index = position === 0 ? 0 : order.indexOf(position - SELF) + 1;
    const group = position !== 0 && index === 0 ? undefined : order[index];
    return group === undefined ? 0 : group + SELF;
  };

  /** Groups that stand before those in them, the other way round: the order of children stays. */
  const parentsLast = (call: HelperCall, below: readonly number[]): number[] => {
    const view = call.memory.view();
    const children = new Map<number, number[]>();
    for (const group of below.slice(1)) {
      const parent = offsetOf(view.getBigUint64(group + SELF + PARENT, true)) - SELF;
      children.set(parent, [...(children.get(parent) ?? []), group]);
    }
    const out: number[] = [];
    const waiting = below.length === 0 ? [] : [{ group: below[0]!, entered: false }];
    for (let top = waiting.pop(); top !== undefined; top = waiting.pop()) {
      if (top.entered) {
        out.push(top.group);
        continue;
      }
      waiting.push({ group: top.group, entered: true });
      for (const child of (children.get(top.group) ?? []).toReversed())
        waiting.push({ group: child, entered: false });
    }
    return out;
  };

  /** `bpf_iter_css_next` */
  const next = (call: HelperCall, at: number): number => {
    const iterator = at >>> 0;
    const view = call.memory.view();
    const start = pointerAt(view, iterator + START);
    if (start === 0) return 0;
    const position = pointerAt(view, iterator + POSITION);
    const flags = view.getUint32(iterator + FLAGS, true);
    const up = () => (position === 0 ? start : offsetOf(view.getBigUint64(position + PARENT, true)));
    const found = flags === UP ? up() : descend(call, start, position, flags === POST);
    setPointer(view, iterator + POSITION, found);
    return found;
  };

  /** `bpf_iter_css_task_new` */
  const createTasks = (call: HelperCall, at: number, css: number, flags: number): number => {
    const iterator = at >>> 0;
    const view = call.memory.view();
    view.setBigUint64(iterator, 0n, true);
    if (flags !== 0 && flags !== PROCESSES && flags !== (PROCESSES | THREADED)) return -Errno.EINVAL;
    view.setUint32(iterator + GROUP, (css >>> 0) - SELF, true);
    view.setUint32(iterator + DONE, (flags << FLAGS_SHIFT) >>> 0, true);
    return 0;
  };

  const nextTask = (call: HelperCall, at: number): number => {
    const iterator = at >>> 0;
    const view = call.memory.view();
    const group = view.getUint32(iterator + GROUP, true);
    if (group === 0) return 0;
    const word = view.getUint32(iterator + DONE, true);
    const processes = word >>> FLAGS_SHIFT !== 0;
    const tasks = call.services.cgroups?.tasks(group) ?? [];
    const wanted = tasks.filter(({ pid, tgid }) => !processes || pid === tgid);
    view.setUint32(iterator + DONE, word + 1, true);
    return wanted[word & COUNT]?.offset ?? 0;
  };

  const end = () => 0;
  return [
    hostKfunc("bpf_iter_css_new", { args: ["ptr", "ptr", "i32"], result: "u32", checks: [ITERATOR] }, create),
    hostKfunc("bpf_iter_css_next", { args: ["ptr"], result: "ptr", checks: [ITERATOR] }, next),
    hostKfunc("bpf_iter_css_destroy", { args: ["ptr"], result: "void", checks: [ITERATOR] }, end),
    hostKfunc(
      "bpf_iter_css_task_new",
      { args: ["ptr", "ptr", "i32"], result: "u32", checks: [TASK_ITERATOR] },
      createTasks,
    ),
    hostKfunc("bpf_iter_css_task_next", { args: ["ptr"], result: "ptr", checks: [TASK_ITERATOR] }, nextTask),
    hostKfunc("bpf_iter_css_task_destroy", { args: ["ptr"], result: "void", checks: [TASK_ITERATOR] }, end),
  ];
}
