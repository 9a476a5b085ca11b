import type { Insn } from "../../isa/index.ts";
import { isAsyncCallbackCallingFunction, isSyncCallbackCallingFunction } from "../calls/helper-kinds.ts";
import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import { isHelperCall, isKfuncCall } from "./flow-kind.ts";

const SYNC_KFUNCS: ReadonlySet<string> = new Set(["bpf_rbtree_add_impl"]);
const ASYNC_KFUNCS: ReadonlySet<string> = new Set([
  "bpf_wq_set_callback_impl",
  "bpf_task_work_schedule_signal_impl",
  "bpf_task_work_schedule_resume_impl",
]);

/** A call of what calls a function of the program before it returns (`is_sync_callback_calling_insn`). */
export function isSyncCallbackCallingInsn(env: Environment, insn: Insn): boolean {
  if (isHelperCall(insn)) return isSyncCallbackCallingFunction(insn.imm);
  return isKfuncCall(insn) && SYNC_KFUNCS.has(kfuncName(env, insn));
}

/** A call of what has a function of the program called later (`is_async_callback_calling_insn`). */
export function isAsyncCallbackCallingInsn(env: Environment, insn: Insn): boolean {
  if (isHelperCall(insn)) return isAsyncCallbackCallingFunction(insn.imm);
  return isKfuncCall(insn) && ASYNC_KFUNCS.has(kfuncName(env, insn));
}

function kfuncName(env: Environment, insn: Insn): string {
  return env.kfuncs.get(kfuncKey(insn.imm, insn.off))?.name ?? "";
}
