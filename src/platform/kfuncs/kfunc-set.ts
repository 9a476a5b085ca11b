/** `KF_*` of include/linux/btf.h: what a kernel function asks of its callers, and gives them. */
export const KfuncFlag = {
  /** It gives out a reference. */
  ACQUIRE: 1 << 0,
  /** It takes a reference back. */
  RELEASE: 1 << 1,
  /** It may give back null. */
  RET_NULL: 1 << 2,
  /** Pointers must be trusted. */
  TRUSTED_ARGS: 1 << 4,
  SLEEPABLE: 1 << 5,
  /** Only with CAP_SYS_BOOT. */
  DESTRUCTIVE: 1 << 6,
  /** Pointers must be trusted or under RCU. */
  RCU: 1 << 7,
  ITER_NEW: 1 << 8,
  ITER_NEXT: 1 << 9,
  ITER_DESTROY: 1 << 10,
  /** Only inside an RCU section. */
  RCU_PROTECTED: 1 << 11,
  /** Callers keep all registers but r0. */
  FASTCALL: 1 << 12,
  ARENA_RET: 1 << 13,
  ARENA_ARG1: 1 << 14,
  ARENA_ARG2: 1 << 15,
} as const;

/** Groups of program types that sets of functions are registered for (`enum btf_kfunc_hook`). */
export type KfuncHook =
  | "common"
  | "xdp"
  | "tc"
  | "structOps"
  | "tracing"
  | "syscall"
  | "cgroup"
  | "schedAct"
  | "skSkb"
  | "socketFilter"
  | "lwt"
  | "netfilter"
  | "kprobe";

/**
 * A rule besides the program type (`btf_kfunc_id_set.filter`):
 *
 * - `hooks`: LSM programs only, though the hook has all of tracing.
 * - `iterators`: with BPF_TRACE_ITER only.
 * - `sessions`: kprobe and uprobe sessions only.
 * - `queueing`: by the member of `struct Qdisc_ops`, for programs of that type.
 */
export type KfuncFilter = "hooks" | "iterators" | "sessions" | "queueing";

/** Functions that were registered together. */
export interface KfuncSet {
  readonly hooks: readonly KfuncHook[];
  readonly filter: KfuncFilter | null;
  /** Flags by name. */
  readonly functions: { readonly [name: string]: number };
}

export function kfuncSet(
  hooks: readonly KfuncHook[],
  functions: { readonly [name: string]: number },
  filter: KfuncFilter | null = null,
): KfuncSet {
  return { hooks, functions, filter };
}
