import { BpfAttachType as A, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const FIXED: readonly (readonly [number, readonly number[]])[] = [
  [T.CGROUP_SKB, [A.CGROUP_INET_INGRESS, A.CGROUP_INET_EGRESS]],
  [
    T.CGROUP_SOCK,
    [
      A.CGROUP_INET_SOCK_CREATE,
      A.CGROUP_INET_SOCK_RELEASE,
      A.CGROUP_INET4_POST_BIND,
      A.CGROUP_INET6_POST_BIND,
    ],
  ],
  [
    T.CGROUP_SOCK_ADDR,
    [
      ...[A.CGROUP_INET4_BIND, A.CGROUP_INET6_BIND, A.CGROUP_INET4_CONNECT, A.CGROUP_INET6_CONNECT],
      ...[A.CGROUP_UNIX_CONNECT, A.CGROUP_INET4_GETPEERNAME, A.CGROUP_INET6_GETPEERNAME],
      ...[A.CGROUP_UNIX_GETPEERNAME, A.CGROUP_INET4_GETSOCKNAME, A.CGROUP_INET6_GETSOCKNAME],
      ...[A.CGROUP_UNIX_GETSOCKNAME, A.CGROUP_UDP4_SENDMSG, A.CGROUP_UDP6_SENDMSG, A.CGROUP_UNIX_SENDMSG],
      ...[A.CGROUP_UDP4_RECVMSG, A.CGROUP_UDP6_RECVMSG, A.CGROUP_UNIX_RECVMSG],
    ],
  ],
  [T.SOCK_OPS, [A.CGROUP_SOCK_OPS]],
  [T.CGROUP_DEVICE, [A.CGROUP_DEVICE]],
  [T.SK_MSG, [A.SK_MSG_VERDICT]],
  [T.SK_SKB, [A.SK_SKB_STREAM_PARSER, A.SK_SKB_STREAM_VERDICT, A.SK_SKB_VERDICT]],
  [T.LIRC_MODE2, [A.LIRC_MODE2]],
  [T.FLOW_DISSECTOR, [A.FLOW_DISSECTOR]],
  [T.CGROUP_SYSCTL, [A.CGROUP_SYSCTL]],
  [T.CGROUP_SOCKOPT, [A.CGROUP_GETSOCKOPT, A.CGROUP_SETSOCKOPT]],
  [T.TRACING, [A.TRACE_ITER, A.TRACE_RAW_TP, A.TRACE_FENTRY, A.TRACE_FEXIT, A.MODIFY_RETURN]],
  [T.LSM, [A.LSM_MAC, A.LSM_CGROUP]],
  [T.SK_LOOKUP, [A.SK_LOOKUP]],
  [T.XDP, [A.XDP]],
  [T.SCHED_CLS, [A.TCX_INGRESS, A.TCX_EGRESS, A.NETKIT_PRIMARY, A.NETKIT_PEER]],
];

const PROGRAM_TYPES: ReadonlyMap<number, number> = new Map(
  FIXED.flatMap(([type, attachTypes]) => attachTypes.map((attachType) => [attachType, type])),
);

const CGROUP_TYPES: ReadonlySet<number> = new Set([
  ...[T.CGROUP_DEVICE, T.CGROUP_SKB, T.CGROUP_SOCK, T.CGROUP_SOCK_ADDR],
  ...[T.CGROUP_SOCKOPT, T.CGROUP_SYSCTL, T.SOCK_OPS],
]);

/** `attach_type_to_prog_type`: UNSPEC where no type of programs is attached so. */
export function programTypeOf(attachType: number): number {
  return PROGRAM_TYPES.get(attachType) ?? T.UNSPEC;
}

/** `is_cgroup_prog_type`, of programs that are attached to groups whatever their attach type. */
export function isCgroupProgram(type: number): boolean {
  return CGROUP_TYPES.has(type);
}

const ONLY_EXPECTED: ReadonlySet<number> = new Set([
  T.CGROUP_SOCK,
  T.CGROUP_SOCK_ADDR,
  T.CGROUP_SOCKOPT,
  T.SK_LOOKUP,
]);

const MULTI: readonly number[] = [
  A.TRACE_KPROBE_MULTI,
  A.TRACE_KPROBE_SESSION,
  A.TRACE_UPROBE_MULTI,
  A.TRACE_UPROBE_SESSION,
];

const TRAFFIC: readonly number[] = [A.TCX_INGRESS, A.TCX_EGRESS, A.NETKIT_PRIMARY, A.NETKIT_PEER];

/** `bpf_prog_attach_check_attach_type`: EINVAL; EPERM of packets of groups, for those without CAP_NET_ADMIN. */
export function checkAttachType(process: Process, { parts }: KernelProgram, attachType: number): void {
  if (!allowed(process, parts.type, parts.expectedAttachType, attachType)) refuse(Errno.EINVAL);
}

function allowed(process: Process, type: number, expected: number, attachType: number): boolean {
  if (ONLY_EXPECTED.has(type)) return attachType === expected;
  switch (type) {
    case T.CGROUP_SKB:
      if (!process.may("NET_ADMIN")) refuse(Errno.EPERM);
      // `enforce_expected_attach_type` is of programs that give more than yes or no.
      return programTypeOf(attachType) === type;
    case T.EXT:
      return true;
    case T.NETFILTER:
      return attachType === A.NETFILTER;
    case T.PERF_EVENT:
    case T.TRACEPOINT:
      return attachType === A.PERF_EVENT;
    case T.KPROBE:
      if (MULTI.includes(expected)) return attachType === expected;
      return attachType === A.PERF_EVENT || MULTI.includes(attachType);
    case T.SCHED_CLS:
      return TRAFFIC.includes(attachType);
    default:
      return programTypeOf(attachType) === type;
  }
}
