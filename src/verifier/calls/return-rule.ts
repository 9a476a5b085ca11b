import { hookRange, type ReturnRange, returnRange } from "../../platform/index.ts";
import { BpfAttachType as A, Errno, BpfProgType as P } from "../../uapi/index.ts";
import { btfTypesAreSame } from "../access/btf-owner.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import type { Register } from "../state/register.ts";
import { isPointer, skipModifiers } from "../types/walk.ts";
import { programTraits } from "./helper-signature.ts";

/** The function that the program attaches to returns nothing. */
export function attachesToVoid({ attach }: Environment): boolean {
  return attach !== null && attach.btf !== null && attach.btf.ref(attach.prototype) === 0;
}

/** What the hook that a program attaches to may return; null: anything (`get_func_retval_range`). */
export function getFuncRetvalRange(env: Environment): ReturnRange | null {
  const { request, attach } = env;
  if (env.release === "6.1" || request.type.type !== P.LSM || request.expectedAttachType !== A.LSM_MAC)
    return null;
  return attach === null || attachesToVoid(env) ? null : hookRange(attach.functionName);
}

const KNOWN_TRACING: ReadonlySet<number> = new Set([
  A.TRACE_FENTRY,
  A.TRACE_FEXIT,
  A.TRACE_RAW_TP,
  A.MODIFY_RETURN,
  A.TRACE_ITER,
]);

/** What the program's entry function, or its exception callback, may return; null: anything. */
export function returnRule(env: Environment, exceptionCallback: boolean): ReturnRange | null {
  if (resolvedType(env).type === P.TRACING && !KNOWN_TRACING.has(env.request.expectedAttachType)) {
    throw new Rejection(Errno.ENOTSUPP, "");
  }
  return returnRange(programTraits(env), {
    void: attachesToVoid(env),
    pointer: !exceptionCallback && returnedStruct(env) !== null,
  });
}

/** Id of what the pointer points to that a struct_ops function returns; null where it returns none. */
function returnedStruct({ attach }: Environment): number | null {
  if (attach === null || attach.btf === null) return null;
  const { btf } = attach;
  const returned = skipModifiers(btf, btf.ref(attach.prototype));
  return isPointer(btf, returned) ? skipModifiers(btf, btf.ref(returned)) : null;
}

/** The register holds a referenced object of the type that the struct_ops function returns. */
export function holdsReturnedStruct(env: Environment, reg: Register): boolean {
  const wanted = returnedStruct(env);
  if (wanted === null || reg.btf === null || reg.refObjId === 0) return false;
  return btfTypesAreSame(env.attach!.btf!, wanted, reg.btf, reg.btfId);
}
