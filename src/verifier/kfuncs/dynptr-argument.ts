import { Errno } from "../../uapi/index.ts";
import { ArgType } from "../calls/argument-type.ts";
import type { Environment } from "../environment/environment.ts";
import { dynptrGetType, dynptrId, dynptrRefObjId } from "../objects/dynptr.ts";
import { processDynptrFunc } from "../objects/dynptr-argument.ts";
import { getDynptrTypeFlag, isRefcountedDynptr } from "../objects/dynptr-kind.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { DynptrType } from "../state/register.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { type KfuncParameter, ParameterMark } from "./signature.ts";
import { SpecialKfunc } from "./special-kfunc.ts";

/** Checks an argument that is a dynptr, there or to be made. */
export function checkDynptrArgument(
  env: Environment,
  regno: number,
  insnIdx: number,
  param: KfuncParameter,
  meta: KfuncCall,
): void {
  const reg = env.reg(regno);
  const uninitialized = (param.marks & ParameterMark.UNINITIALIZED) !== 0;
  let argType: number = ArgType.ARG_PTR_TO_DYNPTR;
  if (reg.type === RegType.CONST_PTR_TO_DYNPTR) argType |= TypeFlag.MEM_RDONLY;
  if (uninitialized) argType |= TypeFlag.MEM_UNINIT;
  let cloneRefObjId = 0;
  switch (meta.special) {
    case SpecialKfunc.bpf_dynptr_from_skb:
      argType |= TypeFlag.DYNPTR_TYPE_SKB;
      break;
    case SpecialKfunc.bpf_dynptr_from_xdp:
      argType |= TypeFlag.DYNPTR_TYPE_XDP;
      break;
    case SpecialKfunc.bpf_dynptr_from_skb_meta:
      argType |= TypeFlag.DYNPTR_TYPE_SKB_META;
      break;
    case SpecialKfunc.bpf_dynptr_clone:
      if (!uninitialized) break;
      argType |= getDynptrTypeFlag(clonedType(env, meta));
      cloneRefObjId = meta.dynptrRefObjId;
      break;
  }
  processDynptrFunc(env, regno, insnIdx, argType, cloneRefObjId);
  if (uninitialized) return;
  meta.dynptrId = dynptrId(env, reg);
  meta.dynptrType = dynptrGetType(env, reg);
  meta.dynptrRefObjId = dynptrRefObjId(env, reg);
}

function clonedType(env: Environment, meta: KfuncCall): DynptrType {
  const { dynptrType } = meta;
  if (dynptrType === DynptrType.INVALID) {
    env.refuse(Errno.EFAULT, "verifier bug: no dynptr type for parent of clone");
  }
  if (isRefcountedDynptr(dynptrType) && meta.dynptrRefObjId === 0) {
    env.refuse(Errno.EFAULT, "verifier bug: missing ref obj id for parent of clone");
  }
  return dynptrType;
}
