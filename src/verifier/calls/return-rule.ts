import { BpfAttachType as A, Errno, BpfProgType as P } from "../../uapi/index.ts";
import { btfTypesAreSame } from "../access/btf-owner.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { S32_MAX, S32_MIN } from "../ranges/bounds.ts";
import type { ReturnRange } from "../state/frame.ts";
import type { Register } from "../state/register.ts";
import { isPointer, skipModifiers } from "../types/walk.ts";

const MAX_ERRNO = 4095;

const ZERO: ReturnRange = { min: 0, max: 0 };
const ZERO_OR_ONE: ReturnRange = { min: 0, max: 1 };
const ONE: ReturnRange = { min: 1, max: 1 };
const TWO_BITS: ReturnRange = { min: 0, max: 3 };
const ERROR_OR_ZERO: ReturnRange = { min: -MAX_ERRNO, max: 0 };

/** Hooks that give 0 or 1 (`bool_lsm_hooks`). */
const BOOL_LSM_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_xfrm_state_pol_flow_match",
  "bpf_lsm_audit_rule_known",
  "bpf_lsm_inode_xattr_skipcap",
]);

/** Attach types of BPF_PROG_TYPE_CGROUP_SOCK_ADDR whose programs cannot refuse anything. */
const ALWAYS_ONE: ReadonlySet<number> = new Set([
  A.CGROUP_UDP4_RECVMSG,
  A.CGROUP_UDP6_RECVMSG,
  A.CGROUP_UNIX_RECVMSG,
  A.CGROUP_INET4_GETPEERNAME,
  A.CGROUP_INET6_GETPEERNAME,
  A.CGROUP_UNIX_GETPEERNAME,
  A.CGROUP_INET4_GETSOCKNAME,
  A.CGROUP_INET6_GETSOCKNAME,
  A.CGROUP_UNIX_GETSOCKNAME,
]);

/** The function that the program attaches to returns nothing. */
export function attachesToVoid({ attach }: Environment): boolean {
  return attach !== null && attach.btf !== null && attach.btf.ref(attach.prototype) === 0;
}

/** What the hook that a program attaches to may return; null: anything (`get_func_retval_range`). */
export function getFuncRetvalRange(env: Environment): ReturnRange | null {
  const { request, attach } = env;
  if (request.type.type !== P.LSM || request.expectedAttachType !== A.LSM_MAC) return null;
  if (attach === null || attachesToVoid(env)) return null;
  return BOOL_LSM_HOOKS.has(attach.functionName) ? ZERO_OR_ONE : ERROR_OR_ZERO;
}

/** What a program may return. */
export interface ReturnRule {
  readonly range: ReturnRange;
  /** The low half alone counts. */
  readonly narrow: boolean;
}

function rule(range: ReturnRange): ReturnRule {
  return { range, narrow: false };
}

/** What the program's entry function, or its exception callback, may return; null: anything. */
export function returnRule(env: Environment, exceptionCallback: boolean): ReturnRule | null {
  const { expectedAttachType } = env.request;
  switch (resolvedType(env).type) {
    case P.CGROUP_SOCK_ADDR:
      if (ALWAYS_ONE.has(expectedAttachType)) return rule(ONE);
      if (expectedAttachType === A.CGROUP_INET4_BIND || expectedAttachType === A.CGROUP_INET6_BIND) {
        return rule(TWO_BITS);
      }
      return rule(ZERO_OR_ONE);
    case P.CGROUP_SKB:
      return rule(expectedAttachType === A.CGROUP_INET_EGRESS ? TWO_BITS : ZERO_OR_ONE);
    case P.CGROUP_SOCK:
    case P.SOCK_OPS:
    case P.CGROUP_DEVICE:
    case P.CGROUP_SYSCTL:
    case P.CGROUP_SOCKOPT:
    // SK_DROP, SK_PASS
    case P.SK_LOOKUP:
    // NF_DROP, NF_ACCEPT
    case P.NETFILTER:
      return rule(ZERO_OR_ONE);
    case P.RAW_TRACEPOINT:
      return env.attach === null ? null : rule(ZERO);
    case P.TRACING:
      return tracingRule(expectedAttachType);
    case P.KPROBE:
      return expectedAttachType === A.TRACE_KPROBE_SESSION || expectedAttachType === A.TRACE_UPROBE_SESSION
        ? rule(ZERO_OR_ONE)
        : null;
    case P.LSM:
      return lsmRule(env);
    case P.STRUCT_OPS:
      // A function that returns a pointer: to what was referenced, or NULL.
      return exceptionCallback || returnedStruct(env) === null ? null : rule(ZERO);
    default:
      return null;
  }
}

function tracingRule(expectedAttachType: number): ReturnRule | null {
  switch (expectedAttachType) {
    case A.TRACE_FENTRY:
    case A.TRACE_FEXIT:
      return rule(ZERO);
    case A.TRACE_RAW_TP:
    case A.MODIFY_RETURN:
      return null;
    case A.TRACE_ITER:
      return rule(ZERO_OR_ONE);
    default:
      throw new Rejection(Errno.ENOTSUPP, "");
  }
}

function lsmRule(env: Environment): ReturnRule | null {
  if (env.request.expectedAttachType === A.LSM_CGROUP) {
    return rule(attachesToVoid(env) ? ONE : ZERO_OR_ONE);
  }
  const range = getFuncRetvalRange(env);
  if (range === null || (range.min === S32_MIN && range.max === S32_MAX)) return null;
  return { range, narrow: true };
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
