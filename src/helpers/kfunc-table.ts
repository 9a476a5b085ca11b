import type { KernelLayout } from "../platform/index.ts";
import { ARENA_KFUNCS } from "./arena.ts";
import { cpumaskKfuncs } from "./cpumask.ts";
import { DynptrData } from "./dynptr.ts";
import { dynptrCopyKfuncs } from "./dynptr-copies.ts";
import { dynptrKfuncs } from "./dynptr-kfuncs.ts";
import type { Kfunc } from "./helper.ts";
import { ITER_BITS_KFUNCS } from "./iter-bits.ts";
import { iterCssKfuncs } from "./iter-css.ts";
import { ITER_NUM_KFUNCS } from "./iter-num.ts";
import { ITER_TASK_KFUNCS } from "./iter-task.ts";
import { MAP_COUNT_KFUNCS } from "./map-count.ts";
import { NO_OBJECT_KFUNCS, PLAIN_KFUNCS } from "./no-object-kfuncs.ts";
import { LIST_KFUNCS } from "./objects/list.ts";
import { OBJECT_KFUNCS } from "./objects/object-kfuncs.ts";
import { RBTREE_KFUNCS } from "./objects/rbtree.ts";
import { PER_CPU_KFUNCS } from "./per-cpu.ts";
import { RES_SPIN_LOCK_KFUNCS } from "./res-spin-lock.ts";
import { SECTION_KFUNCS } from "./sections.ts";
import { SESSION_KFUNCS } from "./session-kfuncs.ts";
import { socketDestroyKfuncs } from "./socket-destroy.ts";
import { STREAM_KFUNCS } from "./stream.ts";
import { STRING_KFUNCS } from "./string-kfuncs.ts";
import { taskKfuncs } from "./task-kfuncs.ts";
import { TASK_WORK_KFUNCS, WORKQUEUE_KFUNCS } from "./timer.ts";
import { USER_COPY_KFUNCS } from "./user-copies.ts";
import { XDP_METADATA_KFUNCS } from "./xdp-metadata.ts";
import { xdpPullKfuncs } from "./xdp-pull.ts";

/** All kfuncs that there are bodies of, by name, for a kernel whose structs lie as `layout` says. */
export function createKfuncs(layout: KernelLayout): ReadonlyMap<string, Kfunc> {
  const families = [
    ITER_NUM_KFUNCS,
    dynptrKfuncs(new DynptrData(layout)),
    THROW,
    ARENA_KFUNCS,
    OBJECT_KFUNCS,
    LIST_KFUNCS,
    RBTREE_KFUNCS,
    ITER_BITS_KFUNCS,
    SECTION_KFUNCS,
    RES_SPIN_LOCK_KFUNCS,
    WORKQUEUE_KFUNCS,
    TASK_WORK_KFUNCS,
    PER_CPU_KFUNCS,
    SESSION_KFUNCS,
    STREAM_KFUNCS,
    STRING_KFUNCS,
    USER_COPY_KFUNCS,
    dynptrCopyKfuncs(new DynptrData(layout)),
    cpumaskKfuncs(layout),
    taskKfuncs(layout),
    ITER_TASK_KFUNCS,
    iterCssKfuncs(layout),
    MAP_COUNT_KFUNCS,
    NO_OBJECT_KFUNCS,
    PLAIN_KFUNCS,
    xdpPullKfuncs(layout),
    socketDestroyKfuncs(layout),
    XDP_METADATA_KFUNCS,
  ];
  return new Map(families.flat().map((kfunc) => [kfunc.name, kfunc]));
}

/** Whoever throws never comes back: the engine ends the program's frames. */
const THROW: readonly Kfunc[] = [
  { name: "bpf_throw", args: ["i64"], result: "void", checks: [], body: { kind: "engine" } },
];
