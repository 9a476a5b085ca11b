import { BpfAttachType as A, Errno, BpfProgType as P } from "../../uapi/index.ts";
import { checkPtrOffReg } from "../access/pointer-offset.ts";
import type { Environment } from "../environment/environment.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import type { ReturnRange } from "../state/frame.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { RegType } from "../state/reg-type.ts";
import { invalidScalarText, retvalRangeWithin } from "./return-range.ts";
import { attachesToVoid, holdsReturnedStruct, returnRule } from "./return-rule.ts";

/**
 * Refuses what the program, a global function or an asynchronous callback may not return (`check_return_code`).
 *
 * @param regName what messages call the register: `"R0"`; of bpf_throw's cookie `"R1"`
 */
export function checkReturnCode(env: Environment, regno: number, regName: string): void {
  const frame = env.current.frames[0]!;
  const reg = env.reg(regno);
  const isSubprog = frame.subprogno !== 0;
  if (!isSubprog || frame.inExceptionCallback) {
    if (isVoid(env)) return;
    const structOps = resolvedType(env).type === P.STRUCT_OPS && !frame.inExceptionCallback;
    if (structOps && holdsReturnedStruct(env, reg)) {
      checkPtrOffReg(env, reg, regno);
      return;
    }
  }
  checkRegArg(env, regno, "src");
  if (isPointerValue(env, regno)) env.refuse(Errno.EACCES, `R${regno} leaks addr as return value`);
  if (frame.inAsyncCallback) {
    enforce(env, regno, regName, frame.callbackReturn, "At async callback return", false);
    return;
  }
  if (isSubprog && !frame.inExceptionCallback) {
    if (reg.type === RegType.SCALAR_VALUE) return;
    env.refuse(
      Errno.EINVAL,
      `At subprogram exit the register R${regno} is not a scalar value (${regTypeStr(reg.type)})`,
    );
  }
  const rule = returnRule(env, frame.inExceptionCallback);
  if (rule === null) return;
  enforce(env, regno, regName, rule, "At program exit", rule.word);
  if (rule.enforces !== null && retvalRangeWithin(rule.enforces, reg, false)) {
    env.enforceExpectedAttachType = true;
  }
}

/** Nobody looks at the result of a hook or of a struct_ops function that returns nothing. */
function isVoid(env: Environment): boolean {
  switch (resolvedType(env).type) {
    case P.LSM:
      return env.request.expectedAttachType !== A.LSM_CGROUP && attachesToVoid(env);
    case P.STRUCT_OPS:
      return attachesToVoid(env);
    default:
      return false;
  }
}

function enforce(
  env: Environment,
  regno: number,
  regName: string,
  range: ReturnRange,
  context: string,
  narrow: boolean,
): void {
  const reg = env.reg(regno);
  if (reg.type !== RegType.SCALAR_VALUE) {
    env.refuse(
      Errno.EINVAL,
      `${context} the register R${regno} is not a known value (${regTypeStr(reg.type)})`,
    );
  }
  markChainPrecision(env, regno);
  if (retvalRangeWithin(range, reg, narrow)) return;
  let text = invalidScalarText(reg, range, context, regName);
  const { expectedAttachType } = env.request;
  if (
    env.current.frames[0]!.subprogno === 0 &&
    expectedAttachType === A.LSM_CGROUP &&
    resolvedType(env).type === P.LSM &&
    attachesToVoid(env)
  ) {
    text += "\nNote, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!";
  }
  env.refuse(Errno.EINVAL, text);
}
