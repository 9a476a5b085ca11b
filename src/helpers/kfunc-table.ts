import type { KernelLayout } from "../platform/index.ts";
import { ARENA_KFUNCS } from "./arena.ts";
import { DynptrData } from "./dynptr.ts";
import { dynptrKfuncs } from "./dynptr-kfuncs.ts";
import type { Kfunc } from "./helper.ts";
import { ITER_BITS_KFUNCS } from "./iter-bits.ts";
import { ITER_NUM_KFUNCS } from "./iter-num.ts";
import { LIST_KFUNCS } from "./objects/list.ts";
import { OBJECT_KFUNCS } from "./objects/object-kfuncs.ts";
import { RBTREE_KFUNCS } from "./objects/rbtree.ts";
import { RES_SPIN_LOCK_KFUNCS } from "./res-spin-lock.ts";
import { SECTION_KFUNCS } from "./sections.ts";
import { WORKQUEUE_KFUNCS } from "./timer.ts";

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
  ];
  return new Map(families.flat().map((kfunc) => [kfunc.name, kfunc]));
}

/** Whoever throws never comes back: the engine ends the program's frames. */
const THROW: readonly Kfunc[] = [
  { name: "bpf_throw", args: ["i64"], result: "void", checks: [], body: { kind: "engine" } },
];
