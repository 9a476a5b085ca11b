import { BpfAttachType as A, BpfProgType as P } from "../uapi/index.ts";
import type { KernelRelease } from "./releases/release.ts";

const OF_NETWORK: ReadonlySet<number> = new Set([
  P.SCHED_CLS,
  P.SCHED_ACT,
  P.XDP,
  P.LWT_IN,
  P.LWT_OUT,
  P.LWT_XMIT,
  P.LWT_SEG6LOCAL,
  P.SK_SKB,
  P.SK_MSG,
  P.FLOW_DISSECTOR,
  P.CGROUP_DEVICE,
  P.CGROUP_SOCK,
  P.CGROUP_SOCK_ADDR,
  P.CGROUP_SOCKOPT,
  P.CGROUP_SYSCTL,
  P.SOCK_OPS,
  P.EXT,
  P.NETFILTER,
]);

const OF_TRACING: ReadonlySet<number> = new Set([
  P.KPROBE,
  P.TRACEPOINT,
  P.PERF_EVENT,
  P.RAW_TRACEPOINT,
  P.RAW_TRACEPOINT_WRITABLE,
  P.TRACING,
  P.LSM,
  P.STRUCT_OPS,
  P.EXT,
]);

/** Loading needs CAP_BPF even where anyone may load programs (`bpf_prog_load`). */
export function needsBpf(programType: number): boolean {
  return programType !== P.SOCKET_FILTER && programType !== P.CGROUP_SKB;
}

/** Loading needs CAP_NET_ADMIN besides CAP_BPF (`is_net_admin_prog_type`). */
export function needsNetAdmin(programType: number): boolean {
  return OF_NETWORK.has(programType);
}

/** Loading needs CAP_PERFMON besides CAP_BPF (`is_perfmon_prog_type`). */
export function needsPerfmon(programType: number): boolean {
  return OF_TRACING.has(programType);
}

/** Those of tracing whatever they are attached to. */
const SLEEPABLE_6_1: ReadonlySet<number> = new Set([P.TRACING, P.LSM, P.KPROBE, P.SYSCALL]);

/** Programs of a type may be loaded with BPF_F_SLEEPABLE (`can_be_sleepable`; syscall programs always sleep). */
export function canBeSleepable(
  programType: number,
  expectedAttachType: number,
  release: KernelRelease = "6.18",
): boolean {
  if (release === "6.1") return SLEEPABLE_6_1.has(programType) && expectedAttachType !== A.LSM_CGROUP;
  switch (programType) {
    case P.TRACING:
      return (
        expectedAttachType === A.TRACE_FENTRY ||
        expectedAttachType === A.TRACE_FEXIT ||
        expectedAttachType === A.MODIFY_RETURN ||
        expectedAttachType === A.TRACE_ITER
      );
    case P.LSM:
    case P.KPROBE:
    case P.STRUCT_OPS:
    case P.SYSCALL:
      return true;
    default:
      return false;
  }
}

/** Tracing programs in the sense of map rules (`is_tracing_prog_type`): they may run anywhere in the kernel. */
export function isTracingType(programType: number): boolean {
  switch (programType) {
    case P.KPROBE:
    case P.TRACEPOINT:
    case P.PERF_EVENT:
    case P.RAW_TRACEPOINT:
    case P.RAW_TRACEPOINT_WRITABLE:
      return true;
    default:
      return false;
  }
}

/** Program types with direct packet access, and what a helper must say of itself to be given packet memory. */
export interface PacketAccess {
  readonly read: boolean;
  readonly write: boolean;
  /** Packet memory goes only to helpers with `packetAccess`; else to all. */
  readonly helpersAsked: boolean;
}

const NONE: PacketAccess = { read: false, write: false, helpersAsked: false };
const READ: PacketAccess = { read: true, write: false, helpersAsked: true };
const WRITE: PacketAccess = { ...READ, write: true };

/** `may_access_direct_pkt_data`; an extension has the access of what it extends. */
export function packetAccess(programType: number): PacketAccess {
  switch (programType) {
    case P.LWT_IN:
    case P.LWT_OUT:
    case P.LWT_SEG6LOCAL:
    case P.SK_REUSEPORT:
    case P.FLOW_DISSECTOR:
    case P.CGROUP_SKB:
      return READ;
    case P.SCHED_CLS:
    case P.SCHED_ACT:
    case P.XDP:
    case P.LWT_XMIT:
    case P.SK_SKB:
    case P.SK_MSG:
      return WRITE;
    case P.CGROUP_SOCKOPT:
      return { read: true, write: true, helpersAsked: false };
    default:
      return NONE;
  }
}
