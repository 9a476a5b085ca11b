import type { Insn } from "../../isa/index.ts";
import { isAsyncCallbackCallingFunction, isSyncCallbackCallingFunction } from "../calls/helper-kinds.ts";
import type { Environment } from "../environment/environment.ts";
import { isAsyncCallbackCallingKfunc, isSyncCallbackCallingKfunc, specialOf } from "../kfuncs/special.ts";
import { isHelperCall, isKfuncCall } from "./flow-kind.ts";

/** A call of what calls a function of the program before it returns (`is_sync_callback_calling_insn`). */
export function isSyncCallbackCallingInsn(env: Environment, insn: Insn): boolean {
  if (isHelperCall(insn)) return isSyncCallbackCallingFunction(insn.imm);
  return isKfuncCall(insn) && isSyncCallbackCallingKfunc(specialOf(env, insn));
}

/** A call of what has a function of the program called later (`is_async_callback_calling_insn`). */
export function isAsyncCallbackCallingInsn(env: Environment, insn: Insn): boolean {
  if (isHelperCall(insn)) return isAsyncCallbackCallingFunction(insn.imm);
  return isKfuncCall(insn) && isAsyncCallbackCallingKfunc(specialOf(env, insn));
}
