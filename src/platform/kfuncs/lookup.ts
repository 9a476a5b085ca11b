import { BpfAttachType as A, BpfProgType as P } from "../../uapi/index.ts";
import type { ProgramTraits } from "../helpers/prototype-of.ts";
import type { KernelRelease } from "../releases/release.ts";
import { COMMON_KFUNCS } from "./common.ts";
import { CONGESTION_KFUNCS } from "./congestion.ts";
import { FILE_KFUNCS } from "./files.ts";
import { GENERIC_KFUNCS } from "./generic.ts";
import { KERNEL_KFUNCS } from "./kernel.ts";
import type { KfuncFilter, KfuncHook, KfuncSet } from "./kfunc-set.ts";
import { KFUNC_SETS_6_1 } from "./linux-6-1.ts";
import { NETWORK_KFUNCS } from "./network.ts";
import { SCHED_EXT_KFUNCS } from "./sched-ext.ts";
import { TEST_KFUNCS } from "./test.ts";

/** Every set of functions that Linux 6.18 and its modules register (`register_btf_kfunc_id_set`). */
export const KFUNC_SETS: readonly KfuncSet[] = [
  ...COMMON_KFUNCS,
  ...GENERIC_KFUNCS,
  ...KERNEL_KFUNCS,
  ...NETWORK_KFUNCS,
  ...CONGESTION_KFUNCS,
  ...SCHED_EXT_KFUNCS,
  ...FILE_KFUNCS,
  ...TEST_KFUNCS,
];

/** Sets by the name of a function in them. */
const BY_NAME: { readonly [release in KernelRelease]: ReadonlyMap<string, readonly KfuncSet[]> } = {
  "6.18": byName(KFUNC_SETS),
  "6.1": byName(KFUNC_SETS_6_1),
};

function byName(sets: readonly KfuncSet[]): Map<string, KfuncSet[]> {
  const map = new Map<string, KfuncSet[]>();
  for (const set of sets) {
    for (const name of Object.keys(set.functions)) {
      const known = map.get(name);
      if (known === undefined) map.set(name, [set]);
      else known.push(set);
    }
  }
  return map;
}

/** `bpf_prog_type_to_kfunc_hook`; types that are absent have only what is common. */
const HOOKS: ReadonlyMap<number, KfuncHook> = new Map<number, KfuncHook>([
  [P.XDP, "xdp"],
  [P.SCHED_CLS, "tc"],
  [P.STRUCT_OPS, "structOps"],
  [P.TRACING, "tracing"],
  [P.TRACEPOINT, "tracing"],
  [P.PERF_EVENT, "tracing"],
  [P.LSM, "tracing"],
  [P.SYSCALL, "syscall"],
  [P.CGROUP_SKB, "cgroup"],
  [P.CGROUP_SOCK, "cgroup"],
  [P.CGROUP_DEVICE, "cgroup"],
  [P.CGROUP_SOCK_ADDR, "cgroup"],
  [P.CGROUP_SOCKOPT, "cgroup"],
  [P.CGROUP_SYSCTL, "cgroup"],
  [P.SOCK_OPS, "cgroup"],
  [P.SCHED_ACT, "schedAct"],
  [P.SK_SKB, "skSkb"],
  [P.SOCKET_FILTER, "socketFilter"],
  [P.LWT_OUT, "lwt"],
  [P.LWT_IN, "lwt"],
  [P.LWT_XMIT, "lwt"],
  [P.LWT_SEG6LOCAL, "lwt"],
  [P.NETFILTER, "netfilter"],
  [P.KPROBE, "kprobe"],
]);

/** Types that had a hook in 6.1. */
const HOOKED_6_1: ReadonlySet<number> = new Set([
  P.XDP,
  P.SCHED_CLS,
  P.STRUCT_OPS,
  P.TRACING,
  P.LSM,
  P.SYSCALL,
]);

/**
 * What a kernel function asks of a program that calls it: bits of `KfuncFlag`, those of all sets it is in.
 *
 * @returns null where the program may not call it ("calling kernel function NAME is not allowed").
 */
export function kfuncFlags(name: string, program: ProgramTraits): number | null {
  const sets = BY_NAME[program.kernel ?? "6.18"].get(name);
  if (sets === undefined) return null;
  return flagsIn("common", name, sets, program) ?? flagsIn(hookOf(program), name, sets, program);
}

function hookOf(program: ProgramTraits): KfuncHook | undefined {
  const type = program.extendedType ?? program.programType;
  return program.kernel === "6.1" && !HOOKED_6_1.has(type) ? undefined : HOOKS.get(type);
}

function flagsIn(
  hook: KfuncHook | undefined,
  name: string,
  sets: readonly KfuncSet[],
  program: ProgramTraits,
): number | null {
  if (hook === undefined) return null;
  const registered = sets.filter((set) => set.hooks.includes(hook));
  if (registered.length === 0) return null;
  // Every filter of a hook is asked, also by what another set brought in.
  if (!registered.every(({ filter }) => filter === null || passes(filter, name, program))) return null;
  return registered.reduce((flags, set) => flags | set.functions[name]!, 0);
}

function passes(filter: KfuncFilter, name: string, program: ProgramTraits): boolean {
  const { expectedAttachType } = program;
  switch (filter) {
    case "hooks":
      return program.programType === P.LSM;
    case "iterators":
      return expectedAttachType === A.TRACE_ITER;
    case "sessions":
      return expectedAttachType === A.TRACE_KPROBE_SESSION || expectedAttachType === A.TRACE_UPROBE_SESSION;
    default:
      return passesQueueing(name, program.attachTarget ?? "");
  }
}

/** What each operation of a queueing discipline may call besides what all may (`bpf_qdisc_kfunc_filter`). */
const QUEUEING: { readonly [member: string]: readonly string[] } = {
  enqueue: ["bpf_qdisc_skb_drop", "bpf_qdisc_watchdog_schedule"],
  dequeue: ["bpf_qdisc_watchdog_schedule", "bpf_qdisc_bstats_update"],
};
const QUEUEING_COMMON: readonly string[] = ["bpf_skb_get_hash", "bpf_kfree_skb", "bpf_dynptr_from_skb"];

function passesQueueing(name: string, target: string): boolean {
  const [struct, member = ""] = target.split(".");
  if (struct !== "Qdisc_ops") return false;
  return QUEUEING_COMMON.includes(name) || (QUEUEING[member]?.includes(name) ?? false);
}

/** Whether a function of this name can be called by any program of a release (`bpf_rdonly_cast`). */
export function isKfunc(name: string, release: KernelRelease): boolean {
  return BY_NAME[release].has(name);
}

/**
 * Functions that take back the last reference to an object that a map held (`register_btf_id_dtor_kfuncs`), by struct:
 * without one, pointers to such a struct can be no referenced kptr. Of several names the kernel has the first that it
 * has: later patches of 6.18 have functions of their own for some.
 */
export const DESTRUCTORS: ReadonlyMap<string, readonly string[]> = new Map([
  ["task_struct", ["bpf_task_release_dtor"]],
  ["cgroup", ["bpf_cgroup_release_dtor"]],
  ["bpf_cpumask", ["bpf_cpumask_release_dtor"]],
  ["bpf_crypto_ctx", ["bpf_crypto_ctx_release_dtor", "bpf_crypto_ctx_release"]],
  ["prog_test_ref_kfunc", ["bpf_kfunc_call_test_release_dtor"]],
  ["prog_test_member", ["bpf_kfunc_call_memb_release_dtor"]],
  ["sk_buff", ["bpf_kfree_skb_dtor", "bpf_kfree_skb"]],
]);

/** Metadata of received packets that only programs bound to a device may ask for (`bpf_dev_bound_kfunc_check`). */
export const DEVICE_BOUND_KFUNCS: ReadonlySet<string> = new Set([
  "bpf_xdp_metadata_rx_timestamp",
  "bpf_xdp_metadata_rx_hash",
  "bpf_xdp_metadata_rx_vlan_tag",
]);
