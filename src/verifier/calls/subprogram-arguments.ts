import { Errno } from "../../uapi/index.ts";
import { checkMemReg } from "../access/helper-memory.ts";
import { registerIsNull } from "../access/register-facts.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { SubprogramArgument } from "../environment/subprogram.ts";
import { processDynptrFunc } from "../objects/dynptr-argument.ts";
import { baseType, mayBeNull, RegType, TypeFlag } from "../state/reg-type.ts";
import { btfPrepareFuncArgs } from "../types/function-arguments.ts";
import { checkFuncArgRegOff } from "./argument-offset.ts";
import { ArgType } from "./argument-type.ts";
import { CallMeta } from "./call-meta.ts";
import { checkRegType } from "./register-type.ts";

/**
 * Compares the registers with what a function of the program takes by its types (`btf_check_subprog_call`).
 *
 * @returns what is wrong, which of a static function is no reason to refuse the program; null for nothing
 * @throws Rejection with EFAULT
 */
export function btfCheckSubprogCall(env: Environment, subprogno: number): Rejection | null {
  const subprogram = env.subprograms[subprogno]!;
  if (subprogram.typeId === 0 || subprogram.unreliable) return new Rejection(Errno.EINVAL, "");
  try {
    checkArguments(env, subprogno);
    return null;
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    // The compiler may drop arguments of static functions; such a function's types say nothing.
    subprogram.unreliable = true;
    if (error.errno === Errno.EFAULT) throw error;
    return error;
  }
}

/** `btf_check_func_arg_match` */
function checkArguments(env: Environment, subprogno: number): void {
  const args = btfPrepareFuncArgs(env, subprogno);
  for (let i = 0; i < args.length; i++) checkArgument(env, args[i]!, i);
}

function checkArgument(env: Environment, arg: SubprogramArgument, i: number): void {
  const regno = i + 1;
  const reg = env.reg(regno);
  const { type } = arg;
  const base = baseType(type);
  if (type === ArgType.ARG_ANYTHING) {
    if (reg.type !== RegType.SCALAR_VALUE) env.refuse(Errno.EINVAL, `R${regno} is not a scalar`);
  } else if ((type & TypeFlag.PTR_UNTRUSTED) !== 0) {
    // Only read, and reads of bad addresses give 0: anything will do.
  } else if (type === ArgType.ARG_PTR_TO_CTX) {
    checkFuncArgRegOff(env, reg, regno, ArgType.ARG_DONTCARE);
    if (reg.type !== RegType.PTR_TO_CTX) env.refuse(Errno.EINVAL, `arg#${i} expects pointer to ctx`);
  } else if (base === ArgType.ARG_PTR_TO_MEM) {
    checkFuncArgRegOff(env, reg, regno, ArgType.ARG_DONTCARE);
    checkMemory(env, regno, arg.memSize);
    if (!mayBeNull(type) && mayBeNull(reg.type)) {
      env.refuse(Errno.EINVAL, `arg#${i} is expected to be non-NULL`);
    }
  } else if (base === ArgType.ARG_PTR_TO_ARENA) {
    if (reg.type !== RegType.PTR_TO_ARENA && reg.type !== RegType.SCALAR_VALUE) {
      env.refuse(Errno.EINVAL, `R${regno} is not a pointer to arena or scalar.`);
    }
  } else if (type === (ArgType.ARG_PTR_TO_DYNPTR | TypeFlag.MEM_RDONLY)) {
    checkFuncArgRegOff(env, reg, regno, ArgType.ARG_PTR_TO_DYNPTR);
    processDynptrFunc(env, regno, -1, type, 0);
  } else if (base === ArgType.ARG_PTR_TO_BTF_ID) {
    if (registerIsNull(reg) && mayBeNull(type)) return;
    checkRegType(env, regno, type, arg.btfId, new CallMeta(0, false));
    checkFuncArgRegOff(env, reg, regno, type);
  } else {
    env.refuse(Errno.EFAULT, `verifier bug: unrecognized arg#${i} type ${type}`);
  }
}

/** Whatever is wrong with the memory: EINVAL. */
function checkMemory(env: Environment, regno: number, size: number): void {
  try {
    checkMemReg(env, env.reg(regno), regno, size);
  } catch (error) {
    if (error instanceof Rejection) throw new Rejection(Errno.EINVAL, error.message);
    throw error;
  }
}
