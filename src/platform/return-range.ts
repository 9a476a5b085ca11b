import { BpfAttachType as A, BpfProgType as P } from "../uapi/index.ts";
import { BOOLEAN_LSM_HOOKS } from "./functions/hooks.ts";
import type { ProgramTraits } from "./helpers/prototype-of.ts";

/** What a program may return. */
export interface ReturnRange {
  readonly min: number;
  readonly max: number;
  /** Only the lower half of r0 counts. */
  readonly word: boolean;
  /**
   * A value in this range binds the program to its expected attach type (`enforce_expected_attach_type`): egress
   * programs that speak of congestion.
   */
  readonly enforces: { readonly min: number; readonly max: number } | null;
}

/** What is known of the function that a program is attached to. */
export interface AttachedFunction {
  /** It gives nothing back. */
  readonly void: boolean;
  /** It gives a pointer back (struct_ops). */
  readonly pointer: boolean;
}

function range(min: number, max: number, rest: Partial<ReturnRange> = {}): ReturnRange {
  return { min, max, word: false, enforces: null, ...rest };
}

const ZERO = range(0, 0);
const ONE = range(1, 1);
const BOOLEAN = range(0, 1);
/** `MAX_ERRNO` */
const MAX_ERRNO = 4095;

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

/**
 * What a program may return, by its type and attachment (`check_return_code`).
 *
 * @param target what is attached to, for types that attach by BTF.
 * @returns null where any value will do.
 */
export function returnRange(
  program: ProgramTraits,
  target: AttachedFunction = { void: false, pointer: false },
): ReturnRange | null {
  const { expectedAttachType } = program;
  if (program.kernel === "6.1" && !ruled61(program)) return null;
  switch (program.extendedType ?? program.programType) {
    case P.CGROUP_SOCK_ADDR:
      if (ALWAYS_ONE.has(expectedAttachType)) return ONE;
      return expectedAttachType === A.CGROUP_INET4_BIND || expectedAttachType === A.CGROUP_INET6_BIND
        ? range(0, 3)
        : BOOLEAN;
    case P.CGROUP_SKB:
      return expectedAttachType === A.CGROUP_INET_EGRESS
        ? range(0, 3, { enforces: { min: 2, max: 3 } })
        : BOOLEAN;
    case P.CGROUP_SOCK:
    case P.SOCK_OPS:
    case P.CGROUP_DEVICE:
    case P.CGROUP_SYSCTL:
    case P.CGROUP_SOCKOPT:
    // SK_DROP to SK_PASS, and NF_DROP to NF_ACCEPT.
    case P.SK_LOOKUP:
    case P.NETFILTER:
      return BOOLEAN;
    case P.RAW_TRACEPOINT:
      return (program.attachTarget ?? null) === null ? null : ZERO;
    case P.TRACING:
      return ofTracing(expectedAttachType);
    case P.KPROBE:
      return expectedAttachType === A.TRACE_KPROBE_SESSION || expectedAttachType === A.TRACE_UPROBE_SESSION
        ? BOOLEAN
        : null;
    case P.LSM:
      return ofHook(program, target);
    case P.STRUCT_OPS:
      return target.pointer ? ZERO : null;
    default:
      return null;
  }
}

/** Hooks, implementations of operations and probes were free to return what they like. */
function ruled61({ programType, expectedAttachType }: ProgramTraits): boolean {
  if (programType === P.LSM) return expectedAttachType === A.LSM_CGROUP;
  return programType !== P.STRUCT_OPS && programType !== P.KPROBE;
}

function ofTracing(attachType: number): ReturnRange | null {
  switch (attachType) {
    case A.TRACE_FENTRY:
    case A.TRACE_FEXIT:
      return ZERO;
    case A.TRACE_ITER:
      return BOOLEAN;
    default:
      return null;
  }
}

function ofHook(program: ProgramTraits, target: AttachedFunction): ReturnRange | null {
  // Where the hook gives nothing back, only one answer leaves it alone.
  if (program.expectedAttachType === A.LSM_CGROUP) return target.void ? ONE : BOOLEAN;
  return target.void ? null : hookRange(program.attachTarget ?? "");
}

/** What an LSM hook gives back, and so what is known of its result where a program reads it (`bpf_lsm_get_retval_range`). */
export function hookRange(hook: string): ReturnRange {
  return BOOLEAN_LSM_HOOKS.has(hook) ? range(0, 1, { word: true }) : range(-MAX_ERRNO, 0, { word: true });
}
