import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { isKfuncCall } from "../program/flow-kind.ts";

/** Refuses calls of kernel functions that name nothing and can be reached (the first check of `fixup_kfunc_call`). */
export function checkLeftKfuncCalls(env: Environment): void {
  env.insns.forEach((insn, i) => {
    if (!isKfuncCall(insn) || insn.imm !== 0 || env.aux[i]!.seen === 0) return;
    env.refuse(Errno.EINVAL, "invalid kernel function call not eliminated in verifier pass");
  });
}
