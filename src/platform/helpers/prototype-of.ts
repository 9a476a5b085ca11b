import { BpfAttachType as A, BpfProgType as P } from "../../uapi/index.ts";
import { D_PATH_FUNCTIONS, isSleepableHook } from "../functions/hooks.ts";
import type { KernelRelease } from "../releases/release.ts";
import { attachTypeSince, hasSince } from "../releases/since.ts";
import { ARGUMENTS, type HelperArgument } from "./arguments.ts";
import type {
  Capabilities,
  Grant,
  GrantCondition,
  GrantTable,
  KernelOption,
  ReleaseChanges,
} from "./grant.ts";
import { LSM } from "./grants/attached.ts";
import { BASE } from "./grants/base.ts";
import {
  CGROUP_DEVICE,
  CGROUP_SKB,
  CGROUP_SOCK,
  CGROUP_SOCK_ADDR,
  CGROUP_SOCKOPT,
  CGROUP_SYSCTL,
  SOCK_OPS,
} from "./grants/cgroup.ts";
import {
  FLOW_DISSECTOR,
  LIRC_MODE2,
  LWT_IN,
  LWT_OUT,
  LWT_SEG6LOCAL,
  LWT_XMIT,
  SK_LOOKUP,
  SK_MSG,
  SK_REUSEPORT,
  SK_SKB,
  SOCKET_FILTER,
  TC,
  XDP,
} from "./grants/packet.ts";
import { STRUCT_OPS } from "./grants/struct-ops.ts";
import { KPROBE, PERF_EVENT, RAW_TRACEPOINT, SYSCALL, TRACEPOINT, TRACING } from "./grants/tracing.ts";
import type { HelperName, HelperPrototype } from "./prototype.ts";
import { HELPER_PROTOTYPES, PROTOTYPES, type PrototypeName } from "./prototype-table.ts";
import { LINUX_6_1 } from "./releases/linux-6-1.ts";

/** What is known of a program when it asks for a helper: Linux's `struct bpf_prog` and the rights of its loader. */
export interface ProgramTraits {
  /** A value of `BpfProgType`. */
  readonly programType: number;
  /** A value of `BpfAttachType`; of an extension, that of the program it extends. */
  readonly expectedAttachType: number;
  readonly sleepable?: boolean;
  /** Of an extension (BPF_PROG_TYPE_EXT): the type of the program that it extends. */
  readonly extendedType?: number;
  /**
   * What the program is attached to by BTF: `"bpf_lsm_file_open"`, `"bpf_iter_tcp"`, `"vfs_read"`; of struct_ops
   * `"tcp_congestion_ops.init"`.
   */
  readonly attachTarget?: string | null;
  /** The program gets a stack of its own from the JIT (struct_ops: `jits_use_priv_stack`). */
  readonly privateStack?: boolean;
  /** All of them where it is absent. */
  readonly capabilities?: Capabilities;
  /** How far the kernel is locked down (kernel_lockdown(7)); not at all where it is absent. */
  readonly lockdown?: Lockdown;
  /** Options that the kernel was built without; where it is absent, those of `MISSING_OPTIONS`. */
  readonly missingOptions?: ReadonlySet<KernelOption>;
  /** The kernel that it is for; 6.18 where it is absent. */
  readonly kernel?: KernelRelease;
}

/** What older releases have otherwise. */
const CHANGES: ReadonlyMap<KernelRelease, ReleaseChanges> = new Map([["6.1", LINUX_6_1]]);

/** `integrity` forbids to write user memory, `confidentiality` also to read the kernel's. */
export type Lockdown = "none" | "integrity" | "confidentiality";

/** What the 6.18 kernel, whose helpers these are, was built without: it has no kprobes. */
export const MISSING_OPTIONS: ReadonlySet<KernelOption> = new Set<KernelOption>(["BPF_KPROBE_OVERRIDE"]);

const TABLES: ReadonlyMap<number, GrantTable> = new Map([
  [P.SOCKET_FILTER, SOCKET_FILTER],
  [P.KPROBE, KPROBE],
  [P.SCHED_CLS, TC],
  [P.SCHED_ACT, TC],
  [P.TRACEPOINT, TRACEPOINT],
  [P.XDP, XDP],
  [P.PERF_EVENT, PERF_EVENT],
  [P.CGROUP_SKB, CGROUP_SKB],
  [P.CGROUP_SOCK, CGROUP_SOCK],
  [P.LWT_IN, LWT_IN],
  [P.LWT_OUT, LWT_OUT],
  [P.LWT_XMIT, LWT_XMIT],
  [P.SOCK_OPS, SOCK_OPS],
  [P.SK_SKB, SK_SKB],
  [P.CGROUP_DEVICE, CGROUP_DEVICE],
  [P.SK_MSG, SK_MSG],
  [P.RAW_TRACEPOINT, RAW_TRACEPOINT],
  [P.CGROUP_SOCK_ADDR, CGROUP_SOCK_ADDR],
  [P.LWT_SEG6LOCAL, LWT_SEG6LOCAL],
  [P.LIRC_MODE2, LIRC_MODE2],
  [P.SK_REUSEPORT, SK_REUSEPORT],
  [P.FLOW_DISSECTOR, FLOW_DISSECTOR],
  [P.CGROUP_SYSCTL, CGROUP_SYSCTL],
  [P.RAW_TRACEPOINT_WRITABLE, RAW_TRACEPOINT],
  [P.CGROUP_SOCKOPT, CGROUP_SOCKOPT],
  [P.TRACING, TRACING],
  [P.LSM, LSM],
  [P.SK_LOOKUP, SK_LOOKUP],
  [P.SYSCALL, SYSCALL],
  [P.NETFILTER, BASE],
]);

const ALL: Capabilities = { bpf: true, perfmon: true, sysAdmin: true };

/**
 * The prototype that a program gets for a helper: the `get_func_proto` of its type.
 *
 * @returns null where the program may not call it ("program of this type cannot use helper").
 */
export function prototypeOf(id: number, program: ProgramTraits): HelperPrototype | null {
  const name = HELPER_PROTOTYPES.get(id)?.name.slice("bpf_".length) as HelperName | undefined;
  const changes = CHANGES.get(program.kernel ?? "6.18");
  if (name === undefined || (changes !== undefined && id > changes.helpers)) return null;
  for (let table = tableOf(program); table !== null; table = table.next) {
    const other = changes?.rows.get(table)?.[name];
    const grant = other === undefined ? table.rows[name] : other;
    if (grant === undefined || grant === "absent") continue;
    const key = granted(grant, program);
    if (key === null) return null;
    return changes === undefined ? PROTOTYPES[key] : changed(key, changes);
  }
  return null;
}

function changed(key: PrototypeName, changes: ReleaseChanges): HelperPrototype {
  const now = PROTOTYPES[key];
  const other = changes.prototypes[key];
  const places = changes.arguments[key];
  if (other === undefined && places === undefined) return now;
  const args = now.args.map((arg, index) => {
    const name = places?.[index + 1];
    if (name === undefined) return arg;
    return name === "unqualified" ? unqualified(arg) : ARGUMENTS[name];
  });
  return { ...now, args, ...other };
}

function unqualified(arg: HelperArgument): HelperArgument {
  return { ...arg, flags: arg.flags.filter((flag) => flag !== "MEM_RDONLY" && flag !== "MEM_WRITE") };
}

/** The tables that a program type looks helpers up in, in order. */
export function tablesOf(programType: number): readonly GrantTable[] {
  const tables: GrantTable[] = [];
  const first = tableOf({ programType, expectedAttachType: 0 });
  for (let table = first; table !== null; table = table.next) tables.push(table);
  return tables;
}

function tableOf(program: ProgramTraits): GrantTable | null {
  const type = program.extendedType ?? program.programType;
  if (type !== P.STRUCT_OPS) return TABLES.get(type) ?? null;
  const struct = program.attachTarget?.split(".")[0] ?? "";
  const known = STRUCT_OPS.get(struct);
  return known === undefined ? BASE : known;
}

function granted(grant: Grant, program: ProgramTraits): PrototypeName | null {
  if (grant === null || typeof grant === "string") return grant;
  return grant.find((candidate) => holds(candidate, program))?.prototype ?? null;
}

function holds(condition: GrantCondition, program: ProgramTraits): boolean {
  const { expectedAttachType, attachTarget } = program;
  const target = attachTarget ?? "";
  const { attachTypes, otherAttachTypes, targets, otherTargets, config, lockdown } = condition;
  if (!hasCapability(condition.capability, program.capabilities ?? ALL)) return false;
  if (lockdown !== undefined && isLockedDown(lockdown, program.lockdown ?? "none")) return false;
  if (config !== undefined && (program.missingOptions ?? MISSING_OPTIONS).has(config)) return false;
  // An older kernel knows nothing of later types, and does not mind them where it looks at none.
  const known = hasSince(program.kernel ?? "6.18", attachTypeSince(expectedAttachType));
  if (attachTypes !== undefined && !(known && attachTypes.includes(expectedAttachType))) return false;
  if (known && otherAttachTypes?.includes(expectedAttachType)) return false;
  if (targets !== undefined && !targets.has(target)) return false;
  if (otherTargets?.has(target)) return false;
  if (condition.programTypes !== undefined && !condition.programTypes.includes(program.programType))
    return false;
  if (condition.sleepable !== undefined && condition.sleepable !== (program.sleepable ?? false)) return false;
  if (condition.recursionGuarded && !isRecursionGuarded(program)) return false;
  return !condition.trampoline || hasTrampoline(program);
}

/** `security_locked_down` */
function isLockedDown(reason: "readKernel" | "writeUser", level: Lockdown): boolean {
  return level === "confidentiality" || (level === "integrity" && reason === "writeUser");
}

function hasCapability(wanted: GrantCondition["capability"], has: Capabilities): boolean {
  switch (wanted) {
    case undefined:
      return true;
    case "bpf":
      return has.bpf;
    case "perfmon":
      return has.perfmon;
    case "bpf+perfmon":
      return has.bpf && has.perfmon;
    default:
      return has.sysAdmin;
  }
}

/** `bpf_prog_check_recur` */
export function isRecursionGuarded(program: ProgramTraits): boolean {
  switch (program.extendedType ?? program.programType) {
    case P.TRACING:
      return program.expectedAttachType !== A.TRACE_ITER;
    case P.STRUCT_OPS:
      return program.privateStack ?? false;
    case P.LSM:
    case P.SYSCALL:
      return false;
    default:
      return true;
  }
}

/** `bpf_prog_has_trampoline` */
export function hasTrampoline({ programType, expectedAttachType }: ProgramTraits): boolean {
  if (programType === P.LSM) return expectedAttachType === A.LSM_MAC;
  if (programType !== P.TRACING) return false;
  return (
    expectedAttachType === A.TRACE_FENTRY ||
    expectedAttachType === A.TRACE_FEXIT ||
    expectedAttachType === A.MODIFY_RETURN
  );
}

/** Whether a program meets a prototype's own condition; where not: "helper call is not allowed in probe". */
export function isAllowed(prototype: HelperPrototype, program: ProgramTraits): boolean {
  const target = program.attachTarget ?? "";
  const { programType, expectedAttachType } = program;
  switch (prototype.allowed) {
    case null:
      return true;
    case "dPath":
      if (programType === P.TRACING && expectedAttachType === A.TRACE_ITER) return true;
      if (programType === P.LSM) return isSleepableHook(target, program.kernel);
      return D_PATH_FUNCTIONS.has(target);
    case "sleepableLsmHook":
      return isSleepableHook(target, program.kernel);
    default:
      if (expectedAttachType === A.TRACE_ITER || expectedAttachType === A.TRACE_RAW_TP) return true;
      if (expectedAttachType !== A.TRACE_FENTRY && expectedAttachType !== A.TRACE_FEXIT) return false;
      return !target.startsWith("bpf_sk_storage");
  }
}
