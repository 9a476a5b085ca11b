import type { KernelLayout } from "../platform/index.ts";
import { DynptrData } from "./dynptr.ts";
import { dynptrKfuncs } from "./dynptr-kfuncs.ts";
import type { Kfunc } from "./helper.ts";
import { ITER_NUM_KFUNCS } from "./iter-num.ts";

/** All kfuncs that there are bodies of, by name, for a kernel whose structs lie as `layout` says. */
export function createKfuncs(layout: KernelLayout): ReadonlyMap<string, Kfunc> {
  const families = [ITER_NUM_KFUNCS, dynptrKfuncs(new DynptrData(layout)), THROW];
  return new Map(families.flat().map((kfunc) => [kfunc.name, kfunc]));
}

/** Whoever throws never comes back: the engine ends the program's frames. */
const THROW: readonly Kfunc[] = [
  { name: "bpf_throw", args: ["i64"], result: "void", checks: [], body: { kind: "engine" } },
];
