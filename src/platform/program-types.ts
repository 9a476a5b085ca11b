import { BpfAttachType as A, BpfProgType } from "../uapi/index.ts";
import { CGROUP_DEVICE_CONTEXT, CGROUP_SOCKOPT_CONTEXT, CGROUP_SYSCTL_CONTEXT } from "./contexts/cgroup.ts";
import type { ArgumentsContext, Context, OpaqueContext } from "./contexts/context.ts";
import {
  CGROUP_SKB_CONTEXT,
  FLOW_DISSECTOR_CONTEXT,
  LWT_CONTEXT,
  SK_SKB_CONTEXT,
  SOCKET_FILTER_CONTEXT,
  TC_CONTEXT,
} from "./contexts/sk-buff.ts";
import { CGROUP_SOCK_CONTEXT } from "./contexts/sock.ts";
import { SOCK_ADDR_CONTEXT } from "./contexts/sock-addr.ts";
import { SOCK_OPS_CONTEXT } from "./contexts/sock-ops.ts";
import { SK_LOOKUP_CONTEXT, SK_MSG_CONTEXT, SK_REUSEPORT_CONTEXT } from "./contexts/sockets.ts";
import {
  KPROBE_CONTEXT,
  LIRC_MODE2_CONTEXT,
  NETFILTER_CONTEXT,
  PERF_EVENT_CONTEXT,
  RAW_TRACEPOINT_CONTEXT,
  RAW_TRACEPOINT_WRITABLE_CONTEXT,
  SYSCALL_CONTEXT,
  TRACEPOINT_CONTEXT,
} from "./contexts/tracing.ts";
import { XDP_CONTEXT } from "./contexts/xdp.ts";
import type { KernelRelease } from "./releases/release.ts";
import { attachTypeSince, hasSince, programTypeSince } from "./releases/since.ts";

/** What Linux 6.18 says about a program type: `include/linux/bpf_types.h` and the type's operations. */
export interface ProgramType {
  /** A value of `BpfProgType`. */
  readonly type: number;
  /** As bpftool prints it: `"sched_cls"`. */
  readonly name: string;
  readonly context: Context;
  /** Whether BPF_PROG_TEST_RUN has something to run it on. */
  readonly testRun: boolean;
  /** Attach types that such programs are used with. */
  readonly attachTypes: readonly number[];
  /**
   * What BPF_PROG_LOAD accepts as `expected_attach_type` (`bpf_prog_load_check_attach_type`): anything, only 0,
   * or one of `attachTypes`.
   */
  readonly expectedAttachType: "any" | "zero" | "listed";
  /** What the kernel takes for an `expected_attach_type` of 0 (`bpf_prog_load_fixup_attach_type`). */
  readonly defaultAttachType?: number;
  /** Whether packet pointers exist and may be written through: `may_access_direct_pkt_data`. */
  readonly packet: "none" | "read" | "write";
  /** What a program returns where its packet cannot be made writable: `gen_prologue` of the type. */
  readonly dropVerdict?: number;
  /** LD_ABS and LD_IND are allowed: `may_access_skb`. */
  readonly packetLoads?: boolean;
}

function opaque(view: string, object: string = view): OpaqueContext {
  return { kind: "opaque", view, object };
}

function args(object: string): ArgumentsContext {
  return { kind: "arguments", view: "void *", object };
}

/** `TC_ACT_SHOT` and `SK_DROP`. */
const TC_ACT_SHOT = 2;
const SK_DROP = 0;

type Row = Omit<ProgramType, "type" | "testRun" | "attachTypes" | "expectedAttachType" | "packet"> &
  Partial<ProgramType>;

const ROWS: { readonly [type in keyof typeof BpfProgType]: Row } = {
  UNSPEC: { name: "unspec", context: opaque("void") },
  SOCKET_FILTER: {
    name: "socket_filter",
    context: SOCKET_FILTER_CONTEXT,
    testRun: true,
    packetLoads: true,
  },
  KPROBE: {
    name: "kprobe",
    context: KPROBE_CONTEXT,
    attachTypes: [
      A.PERF_EVENT,
      A.TRACE_KPROBE_MULTI,
      A.TRACE_UPROBE_MULTI,
      A.TRACE_KPROBE_SESSION,
      A.TRACE_UPROBE_SESSION,
    ],
  },
  SCHED_CLS: {
    name: "sched_cls",
    context: TC_CONTEXT,
    testRun: true,
    attachTypes: [A.TCX_INGRESS, A.TCX_EGRESS, A.NETKIT_PRIMARY, A.NETKIT_PEER],
    packet: "write",
    dropVerdict: TC_ACT_SHOT,
    packetLoads: true,
  },
  SCHED_ACT: {
    name: "sched_act",
    context: TC_CONTEXT,
    testRun: true,
    packet: "write",
    dropVerdict: TC_ACT_SHOT,
    packetLoads: true,
  },
  TRACEPOINT: {
    name: "tracepoint",
    context: TRACEPOINT_CONTEXT,
    attachTypes: [A.PERF_EVENT],
  },
  XDP: {
    name: "xdp",
    context: XDP_CONTEXT,
    testRun: true,
    attachTypes: [A.XDP, A.XDP_DEVMAP, A.XDP_CPUMAP],
    packet: "write",
  },
  PERF_EVENT: {
    name: "perf_event",
    context: PERF_EVENT_CONTEXT,
    attachTypes: [A.PERF_EVENT],
  },
  CGROUP_SKB: {
    name: "cgroup_skb",
    context: CGROUP_SKB_CONTEXT,
    testRun: true,
    attachTypes: [A.CGROUP_INET_INGRESS, A.CGROUP_INET_EGRESS],
    expectedAttachType: "listed",
    packet: "read",
  },
  CGROUP_SOCK: {
    name: "cgroup_sock",
    context: CGROUP_SOCK_CONTEXT,
    attachTypes: [
      A.CGROUP_INET_SOCK_CREATE,
      A.CGROUP_INET_SOCK_RELEASE,
      A.CGROUP_INET4_POST_BIND,
      A.CGROUP_INET6_POST_BIND,
    ],
    expectedAttachType: "listed",
    defaultAttachType: A.CGROUP_INET_SOCK_CREATE,
  },
  LWT_IN: { name: "lwt_in", context: LWT_CONTEXT, testRun: true, packet: "read" },
  LWT_OUT: { name: "lwt_out", context: LWT_CONTEXT, testRun: true, packet: "read" },
  LWT_XMIT: {
    name: "lwt_xmit",
    context: LWT_CONTEXT,
    testRun: true,
    packet: "write",
    dropVerdict: TC_ACT_SHOT,
  },
  SOCK_OPS: {
    name: "sock_ops",
    context: SOCK_OPS_CONTEXT,
    attachTypes: [A.CGROUP_SOCK_OPS],
  },
  SK_SKB: {
    name: "sk_skb",
    context: SK_SKB_CONTEXT,
    attachTypes: [A.SK_SKB_STREAM_PARSER, A.SK_SKB_STREAM_VERDICT, A.SK_SKB_VERDICT],
    packet: "write",
    dropVerdict: SK_DROP,
  },
  CGROUP_DEVICE: {
    name: "cgroup_device",
    context: CGROUP_DEVICE_CONTEXT,
    attachTypes: [A.CGROUP_DEVICE],
  },
  SK_MSG: {
    name: "sk_msg",
    context: SK_MSG_CONTEXT,
    attachTypes: [A.SK_MSG_VERDICT],
    packet: "write",
  },
  RAW_TRACEPOINT: { name: "raw_tracepoint", context: RAW_TRACEPOINT_CONTEXT, testRun: true },
  CGROUP_SOCK_ADDR: {
    name: "cgroup_sock_addr",
    context: SOCK_ADDR_CONTEXT,
    attachTypes: [
      A.CGROUP_INET4_BIND,
      A.CGROUP_INET6_BIND,
      A.CGROUP_INET4_CONNECT,
      A.CGROUP_INET6_CONNECT,
      A.CGROUP_UNIX_CONNECT,
      A.CGROUP_INET4_GETPEERNAME,
      A.CGROUP_INET6_GETPEERNAME,
      A.CGROUP_UNIX_GETPEERNAME,
      A.CGROUP_INET4_GETSOCKNAME,
      A.CGROUP_INET6_GETSOCKNAME,
      A.CGROUP_UNIX_GETSOCKNAME,
      A.CGROUP_UDP4_SENDMSG,
      A.CGROUP_UDP6_SENDMSG,
      A.CGROUP_UNIX_SENDMSG,
      A.CGROUP_UDP4_RECVMSG,
      A.CGROUP_UDP6_RECVMSG,
      A.CGROUP_UNIX_RECVMSG,
    ],
    expectedAttachType: "listed",
  },
  LWT_SEG6LOCAL: { name: "lwt_seg6local", context: LWT_CONTEXT, testRun: true, packet: "read" },
  LIRC_MODE2: { name: "lirc_mode2", context: LIRC_MODE2_CONTEXT, attachTypes: [A.LIRC_MODE2] },
  SK_REUSEPORT: {
    name: "sk_reuseport",
    context: SK_REUSEPORT_CONTEXT,
    attachTypes: [A.SK_REUSEPORT_SELECT, A.SK_REUSEPORT_SELECT_OR_MIGRATE],
    expectedAttachType: "listed",
    defaultAttachType: A.SK_REUSEPORT_SELECT,
    packet: "read",
  },
  FLOW_DISSECTOR: {
    name: "flow_dissector",
    context: FLOW_DISSECTOR_CONTEXT,
    testRun: true,
    attachTypes: [A.FLOW_DISSECTOR],
    packet: "read",
  },
  CGROUP_SYSCTL: {
    name: "cgroup_sysctl",
    context: CGROUP_SYSCTL_CONTEXT,
    attachTypes: [A.CGROUP_SYSCTL],
  },
  RAW_TRACEPOINT_WRITABLE: { name: "raw_tracepoint_writable", context: RAW_TRACEPOINT_WRITABLE_CONTEXT },
  CGROUP_SOCKOPT: {
    name: "cgroup_sockopt",
    context: CGROUP_SOCKOPT_CONTEXT,
    attachTypes: [A.CGROUP_GETSOCKOPT, A.CGROUP_SETSOCKOPT],
    expectedAttachType: "listed",
    packet: "write",
  },
  TRACING: {
    name: "tracing",
    context: args("u64"),
    testRun: true,
    attachTypes: [A.TRACE_RAW_TP, A.TRACE_FENTRY, A.TRACE_FEXIT, A.MODIFY_RETURN, A.TRACE_ITER],
  },
  STRUCT_OPS: {
    name: "struct_ops",
    context: args("u64"),
    testRun: true,
    attachTypes: [A.STRUCT_OPS],
  },
  EXT: { name: "ext", context: opaque("void *"), expectedAttachType: "zero" },
  LSM: { name: "lsm", context: args("u64"), attachTypes: [A.LSM_MAC, A.LSM_CGROUP] },
  SK_LOOKUP: {
    name: "sk_lookup",
    context: SK_LOOKUP_CONTEXT,
    testRun: true,
    attachTypes: [A.SK_LOOKUP],
    expectedAttachType: "listed",
  },
  SYSCALL: {
    name: "syscall",
    context: SYSCALL_CONTEXT,
    testRun: true,
    expectedAttachType: "zero",
  },
  NETFILTER: {
    name: "netfilter",
    context: NETFILTER_CONTEXT,
    testRun: true,
    attachTypes: [A.NETFILTER],
    expectedAttachType: "listed",
  },
};

/** Every program type, by `BpfProgType`. */
export const PROGRAM_TYPES: readonly ProgramType[] = Object.entries(ROWS).map(([key, row]) => ({
  type: BpfProgType[key as keyof typeof BpfProgType],
  testRun: false,
  attachTypes: [],
  expectedAttachType: "any",
  packet: "none",
  ...row,
}));

/** The facts about a program type by number; undefined where the release has none. */
export function programType(type: number, release: KernelRelease = "6.18"): ProgramType | undefined {
  const known = PROGRAM_TYPES[type];
  if (known === undefined || !hasSince(release, programTypeSince(type))) return undefined;
  return release === "6.18" ? known : OLDER[release]?.[type];
}

/** The types as older releases have them: without attach types that came later. Fields that their contexts lack their BTF does not have. */
const OLDER: { readonly [release in KernelRelease]?: readonly ProgramType[] } = {
  "6.1": PROGRAM_TYPES.map((row) => ({
    ...row,
    attachTypes: row.attachTypes.filter((type) => hasSince("6.1", attachTypeSince(type))),
  })),
};

/** A program type by bpftool's name of it: `"sched_cls"`. */
export function programTypeNamed(name: string): ProgramType | undefined {
  return PROGRAM_TYPES.find((row) => row.name === name);
}
