import { type Btf, BtfKind, offsetOf } from "../../btf/index.ts";
import {
  DISABLED_LSM_HOOKS,
  ITERATOR_TARGETS,
  type IteratorTarget,
  isSleepableHook,
  MODIFY_RETURN_FUNCTIONS,
  NON_SLEEPABLE_ERROR_INJECTION,
  NORETURN_FUNCTIONS,
  UNTRACEABLE_FUNCTIONS,
} from "../../platform/index.ts";
import { BpfAttachType as A, Errno, BpfProgType as P } from "../../uapi/index.ts";
import type { Attachment, ContextArgumentInfo } from "../environment/attachment.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";

const ITERATOR_PREFIX = "bpf_iter_";
const LSM_PREFIX = "bpf_lsm_";

/** The target is an iterator that the kernel has (`bpf_iter_prog_supported`); its arguments are told. */
export function checkIterator(target: Attachment): Attachment {
  const { functionName } = target;
  const iterator = functionName.startsWith(ITERATOR_PREFIX)
    ? ITERATOR_TARGETS.get(functionName.slice(ITERATOR_PREFIX.length))
    : undefined;
  if (iterator === undefined) throw new Rejection(Errno.EINVAL, "");
  const context = `bpf_iter__${functionName.slice(ITERATOR_PREFIX.length)}`;
  return { ...target, arguments: iteratorArguments(target.btf!, context, iterator) };
}

/** Members of the iterator's context that are more than numbers (`bpf_iter_prog_supported`). */
function iteratorArguments(btf: Btf, context: string, target: IteratorTarget): ContextArgumentInfo[] {
  return target.arguments.map(({ member, type, flags, btf: struct }) => {
    let regType: RegisterType = RegType[type];
    for (const flag of flags) regType |= TypeFlag[flag];
    return {
      offset: offsetOf(btf, `${context}.${member}`),
      regType,
      btf,
      btfId: struct === null ? 0 : btf.findByName(struct, BtfKind.STRUCT),
      refcounted: false,
    };
  });
}

/** `bpf_lsm_verify_prog` */
export function checkLsm(env: Environment, { functionName, btfId }: Attachment): void {
  if (!env.request.gplCompatible) {
    env.refuse(Errno.EINVAL, "LSM programs must have a GPL compatible license");
  }
  if (DISABLED_LSM_HOOKS.has(functionName)) {
    env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} points to disabled hook ${functionName}`);
  }
  if (!functionName.startsWith(LSM_PREFIX)) {
    env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} points to wrong type name ${functionName}`);
  }
}

/** Functions that no tracing program may be called from, or behind. */
export function checkTracing(env: Environment, { functionName, program }: Attachment): void {
  const { type, expectedAttachType } = env.request;
  if (program !== null) return;
  if (type.type === P.TRACING && UNTRACEABLE_FUNCTIONS.has(functionName)) {
    if (env.release === "6.1") throw new Rejection(Errno.EINVAL, "");
    env.refuse(Errno.EINVAL, `Attaching tracing programs to function '${functionName}' is rejected.`);
  }
  const behind = expectedAttachType === A.TRACE_FEXIT || expectedAttachType === A.MODIFY_RETURN;
  if (env.release !== "6.1" && behind && NORETURN_FUNCTIONS.has(functionName)) {
    env.refuse(
      Errno.EINVAL,
      `Attaching fexit/fmod_ret to __noreturn function '${functionName}' is rejected.`,
    );
  }
}

/** The function may be attached to by a program that sleeps. */
export function checkSleepable(env: Environment, name: string): void {
  const { type } = env.request;
  const allowed =
    type.type === P.TRACING
      ? (!NON_SLEEPABLE_ERROR_INJECTION.has(name) && errorInjectable(env, name)) ||
        MODIFY_RETURN_FUNCTIONS.get(name)?.sleepable === true
      : type.type === P.LSM && isSleepableHook(name, env.release);
  if (!allowed) env.refuse(Errno.EINVAL, `${name} is not sleepable`);
}

/** A program may decide what the function gives back. */
export function checkModifiable(env: Environment, name: string): void {
  const allowed =
    MODIFY_RETURN_FUNCTIONS.has(name) || errorInjectable(env, name) || name.startsWith("security_");
  if (!allowed) env.refuse(Errno.EINVAL, `${name}() is not modifiable`);
}

function errorInjectable(env: Environment, name: string): boolean {
  return env.request.kernel.errorInjectable?.(name) ?? false;
}
