import { BpfFuncId } from "../uapi/index.ts";
import { emittedHelper, hostHelper, hostKfunc } from "./define.ts";
import type { Helper, Kfunc } from "./helper.ts";
import { createPerCpu, dropPerCpu, PER_CPU_HEADER, perCpuAt } from "./objects/per-cpu-object.ts";

const VARIABLES = "Per-CPU variables of the kernel are zeros, but cpu_number.";

/** Copies of one thing for each CPU: variables of the kernel, and objects of programs. */
export const PER_CPU_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.per_cpu_ptr,
    { args: ["ptr", "i32"], result: "ptr", here: VARIABLES },
    (call, at, cpu) => perCpuAt(call, at! >>> 0, cpu! >>> 0),
  ),
  emittedHelper(
    BpfFuncId.this_cpu_ptr,
    { args: ["ptr"], result: "ptr", here: VARIABLES },
    (f, environment) => {
      const at = f.params[0]!;
      f.get(at).get(at).i32.const(PER_CPU_HEADER).i32.sub().i32.load();
      environment.cpu(f);
      f.i32.mul().i32.add();
    },
  ),
];

export const PER_CPU_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_percpu_obj_new_impl", { args: ["i32", "ptr"], result: "ptr" }, (call, size) =>
    createPerCpu(call, size! >>> 0),
  ),
  hostKfunc("bpf_percpu_obj_drop_impl", { args: ["ptr", "ptr"], result: "void" }, (call, at) => {
    dropPerCpu(call, at! >>> 0);
    return 0;
  }),
];
