import { Errno } from "../../uapi/index.ts";
import { checkMemAccess } from "../access/mem-access.ts";
import type { Environment } from "../environment/environment.ts";
import { dynptrTypeStr } from "../log/reg-type-text.ts";
import { DYNPTR_SIZE, REG_SIZE } from "../state/limits.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import {
  isDynptrRegValidInit,
  isDynptrRegValidUninit,
  isDynptrTypeExpected,
  markDynptrRead,
  markStackSlotsDynptr,
} from "./dynptr.ts";
import { argToDynptrType } from "./dynptr-kind.ts";

/**
 * Checks an argument that is a dynptr: of a helper, of a kernel function or of a global function
 * (`process_dynptr_func`).
 *
 * @param argType an ARG_PTR_TO_DYNPTR with flags: MEM_UNINIT makes one where the register points to, MEM_RDONLY uses
 *   one and leaves it whole, neither may do anything with it
 * @param cloneRefObjId reference that a dynptr made here shares with another; 0 for none
 */
export function processDynptrFunc(
  env: Environment,
  regno: number,
  insnIdx: number,
  argType: number,
  cloneRefObjId: number,
): void {
  const reg = env.reg(regno);
  const argument = regno - 1;
  if (reg.type !== RegType.PTR_TO_STACK && reg.type !== RegType.CONST_PTR_TO_DYNPTR) {
    env.refuse(Errno.EINVAL, `arg#${argument} expected pointer to stack or const struct bpf_dynptr`);
  }
  const exclusive = TypeFlag.MEM_UNINIT | TypeFlag.MEM_RDONLY;
  if ((argType & exclusive) === exclusive) {
    env.refuse(Errno.EFAULT, "verifier bug: misconfigured dynptr helper type flags");
  }
  if ((argType & TypeFlag.MEM_UNINIT) !== 0) {
    if (!isDynptrRegValidUninit(env, reg)) {
      env.refuse(Errno.EINVAL, "Dynptr has to be an uninitialized dynptr");
    }
    writeObject(env, insnIdx, regno, DYNPTR_SIZE);
    markStackSlotsDynptr(env, reg, argType, insnIdx, cloneRefObjId);
    return;
  }
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR && (argType & TypeFlag.MEM_RDONLY) === 0) {
    env.refuse(Errno.EINVAL, "cannot pass pointer to const bpf_dynptr, the helper mutates it");
  }
  if (!isDynptrRegValidInit(env, reg)) {
    env.refuse(Errno.EINVAL, `Expected an initialized dynptr as arg #${argument}`);
  }
  const wanted = argType & ~TypeFlag.MEM_RDONLY;
  if (!isDynptrTypeExpected(env, reg, wanted)) {
    const text = dynptrTypeStr(argToDynptrType(wanted));
    env.refuse(Errno.EINVAL, `Expected a dynptr of type ${text} as arg #${argument}`);
  }
  markDynptrRead(env, reg);
}

/** The callee writes an object of that many bytes where the register points to, a slot at a time. */
export function writeObject(env: Environment, insnIdx: number, regno: number, bytes: number): void {
  for (let off = 0; off < bytes; off += REG_SIZE) {
    checkMemAccess(env, insnIdx, regno, off, REG_SIZE, "write", -1, false, false);
  }
}
