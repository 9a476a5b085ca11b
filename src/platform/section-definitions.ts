import { BpfAttachType, BpfProgType } from "../uapi/index.ts";

/** How libbpf attaches a program by itself, from its section name: the room `link` has one function for each. */
export type AutoAttach =
  | "kprobe"
  | "kprobeMulti"
  | "kprobeSession"
  | "ksyscall"
  | "uprobe"
  | "uprobeMulti"
  | "usdt"
  | "tracepoint"
  | "rawTracepoint"
  | "trace"
  | "lsm"
  | "iterator";

/** What a section name says about the programs in it: libbpf's `struct bpf_sec_def`. */
export interface SectionDefinition {
  /** As libbpf writes it; a final `+` allows `/target` after it: `"kprobe+"`. */
  readonly pattern: string;
  /** A value of `BpfProgType`. */
  readonly type: number;
  /** A value of `BpfAttachType`, or null where the definition gives none. */
  readonly attachType: number | null;
  /** Loaded with `BPF_F_SLEEPABLE`. */
  readonly sleepable: boolean;
  /** Loaded with `BPF_F_XDP_HAS_FRAGS`. */
  readonly xdpFrags: boolean;
  /** The target names a BTF type (of the kernel or of another program) that has to be resolved at load time. */
  readonly attachBtf: boolean;
  /** Becomes `BPF_TRACE_UPROBE_MULTI` at load time, where the kernel has such links. */
  readonly usdt: boolean;
  /** null where libbpf attaches such programs only when told to what. */
  readonly attach: AutoAttach | null;
}

type Row = Partial<Omit<SectionDefinition, "pattern" | "type">>;

/**
 * All definitions of libbpf 1.8 whose attach types Linux 6.18 knows, by program type. `fsession` and the `.multi`
 * forms of fentry and fexit need a newer kernel.
 */
const BY_TYPE: { readonly [type in keyof typeof BpfProgType]?: { readonly [pattern: string]: Row } } = {
  SOCKET_FILTER: {
    socket: {},
  },
  SK_REUSEPORT: {
    "sk_reuseport/migrate": { attachType: BpfAttachType.SK_REUSEPORT_SELECT_OR_MIGRATE },
    sk_reuseport: { attachType: BpfAttachType.SK_REUSEPORT_SELECT },
  },
  KPROBE: {
    "kprobe+": { attach: "kprobe" },
    "uprobe+": { attach: "uprobe" },
    "uprobe.s+": { sleepable: true, attach: "uprobe" },
    "kretprobe+": { attach: "kprobe" },
    "uretprobe+": { attach: "uprobe" },
    "uretprobe.s+": { sleepable: true, attach: "uprobe" },
    "kprobe.multi+": { attachType: BpfAttachType.TRACE_KPROBE_MULTI, attach: "kprobeMulti" },
    "kretprobe.multi+": { attachType: BpfAttachType.TRACE_KPROBE_MULTI, attach: "kprobeMulti" },
    "kprobe.session+": { attachType: BpfAttachType.TRACE_KPROBE_SESSION, attach: "kprobeSession" },
    "uprobe.multi+": { attachType: BpfAttachType.TRACE_UPROBE_MULTI, attach: "uprobeMulti" },
    "uretprobe.multi+": { attachType: BpfAttachType.TRACE_UPROBE_MULTI, attach: "uprobeMulti" },
    "uprobe.session+": { attachType: BpfAttachType.TRACE_UPROBE_SESSION, attach: "uprobeMulti" },
    "uprobe.multi.s+": {
      attachType: BpfAttachType.TRACE_UPROBE_MULTI,
      sleepable: true,
      attach: "uprobeMulti",
    },
    "uretprobe.multi.s+": {
      attachType: BpfAttachType.TRACE_UPROBE_MULTI,
      sleepable: true,
      attach: "uprobeMulti",
    },
    "uprobe.session.s+": {
      attachType: BpfAttachType.TRACE_UPROBE_SESSION,
      sleepable: true,
      attach: "uprobeMulti",
    },
    "ksyscall+": { attach: "ksyscall" },
    "kretsyscall+": { attach: "ksyscall" },
    "usdt+": { usdt: true, attach: "usdt" },
    "usdt.s+": { usdt: true, sleepable: true, attach: "usdt" },
  },
  SCHED_CLS: {
    "tc/ingress": { attachType: BpfAttachType.TCX_INGRESS },
    "tc/egress": { attachType: BpfAttachType.TCX_EGRESS },
    "tcx/ingress": { attachType: BpfAttachType.TCX_INGRESS },
    "tcx/egress": { attachType: BpfAttachType.TCX_EGRESS },
    tc: {},
    classifier: {},
    "netkit/primary": { attachType: BpfAttachType.NETKIT_PRIMARY },
    "netkit/peer": { attachType: BpfAttachType.NETKIT_PEER },
  },
  SCHED_ACT: {
    action: {},
  },
  TRACEPOINT: {
    "tracepoint+": { attach: "tracepoint" },
    "tp+": { attach: "tracepoint" },
    "tracepoint.s+": { sleepable: true, attach: "tracepoint" },
    "tp.s+": { sleepable: true, attach: "tracepoint" },
  },
  RAW_TRACEPOINT: {
    "raw_tracepoint+": { attach: "rawTracepoint" },
    "raw_tp+": { attach: "rawTracepoint" },
    "raw_tracepoint.s+": { sleepable: true, attach: "rawTracepoint" },
    "raw_tp.s+": { sleepable: true, attach: "rawTracepoint" },
  },
  RAW_TRACEPOINT_WRITABLE: {
    "raw_tracepoint.w+": { attach: "rawTracepoint" },
    "raw_tp.w+": { attach: "rawTracepoint" },
  },
  TRACING: {
    "tp_btf+": { attachType: BpfAttachType.TRACE_RAW_TP, attachBtf: true, attach: "trace" },
    "tp_btf.s+": {
      attachType: BpfAttachType.TRACE_RAW_TP,
      attachBtf: true,
      sleepable: true,
      attach: "trace",
    },
    "fentry+": { attachType: BpfAttachType.TRACE_FENTRY, attachBtf: true, attach: "trace" },
    "fmod_ret+": { attachType: BpfAttachType.MODIFY_RETURN, attachBtf: true, attach: "trace" },
    "fexit+": { attachType: BpfAttachType.TRACE_FEXIT, attachBtf: true, attach: "trace" },
    "fentry.s+": {
      attachType: BpfAttachType.TRACE_FENTRY,
      attachBtf: true,
      sleepable: true,
      attach: "trace",
    },
    "fmod_ret.s+": {
      attachType: BpfAttachType.MODIFY_RETURN,
      attachBtf: true,
      sleepable: true,
      attach: "trace",
    },
    "fexit.s+": { attachType: BpfAttachType.TRACE_FEXIT, attachBtf: true, sleepable: true, attach: "trace" },
    "iter+": { attachType: BpfAttachType.TRACE_ITER, attachBtf: true, attach: "iterator" },
    "iter.s+": { attachType: BpfAttachType.TRACE_ITER, attachBtf: true, sleepable: true, attach: "iterator" },
  },
  EXT: {
    "freplace+": { attachBtf: true, attach: "trace" },
  },
  LSM: {
    "lsm+": { attachType: BpfAttachType.LSM_MAC, attachBtf: true, attach: "lsm" },
    "lsm.s+": { attachType: BpfAttachType.LSM_MAC, attachBtf: true, sleepable: true, attach: "lsm" },
    "lsm_cgroup+": { attachType: BpfAttachType.LSM_CGROUP, attachBtf: true },
  },
  SYSCALL: {
    syscall: { sleepable: true },
  },
  XDP: {
    "xdp.frags/devmap": { attachType: BpfAttachType.XDP_DEVMAP, xdpFrags: true },
    "xdp/devmap": { attachType: BpfAttachType.XDP_DEVMAP },
    "xdp.frags/cpumap": { attachType: BpfAttachType.XDP_CPUMAP, xdpFrags: true },
    "xdp/cpumap": { attachType: BpfAttachType.XDP_CPUMAP },
    "xdp.frags": { attachType: BpfAttachType.XDP, xdpFrags: true },
    xdp: { attachType: BpfAttachType.XDP },
  },
  PERF_EVENT: {
    perf_event: {},
  },
  LWT_IN: {
    lwt_in: {},
  },
  LWT_OUT: {
    lwt_out: {},
  },
  LWT_XMIT: {
    lwt_xmit: {},
  },
  LWT_SEG6LOCAL: {
    lwt_seg6local: {},
  },
  SOCK_OPS: {
    sockops: { attachType: BpfAttachType.CGROUP_SOCK_OPS },
  },
  SK_SKB: {
    "sk_skb/stream_parser": { attachType: BpfAttachType.SK_SKB_STREAM_PARSER },
    "sk_skb/stream_verdict": { attachType: BpfAttachType.SK_SKB_STREAM_VERDICT },
    "sk_skb/verdict": { attachType: BpfAttachType.SK_SKB_VERDICT },
    sk_skb: {},
  },
  SK_MSG: {
    sk_msg: { attachType: BpfAttachType.SK_MSG_VERDICT },
  },
  LIRC_MODE2: {
    lirc_mode2: { attachType: BpfAttachType.LIRC_MODE2 },
  },
  FLOW_DISSECTOR: {
    flow_dissector: { attachType: BpfAttachType.FLOW_DISSECTOR },
  },
  CGROUP_SKB: {
    "cgroup_skb/ingress": { attachType: BpfAttachType.CGROUP_INET_INGRESS },
    "cgroup_skb/egress": { attachType: BpfAttachType.CGROUP_INET_EGRESS },
    "cgroup/skb": {},
  },
  CGROUP_SOCK: {
    "cgroup/sock_create": { attachType: BpfAttachType.CGROUP_INET_SOCK_CREATE },
    "cgroup/sock_release": { attachType: BpfAttachType.CGROUP_INET_SOCK_RELEASE },
    "cgroup/sock": { attachType: BpfAttachType.CGROUP_INET_SOCK_CREATE },
    "cgroup/post_bind4": { attachType: BpfAttachType.CGROUP_INET4_POST_BIND },
    "cgroup/post_bind6": { attachType: BpfAttachType.CGROUP_INET6_POST_BIND },
  },
  CGROUP_SOCK_ADDR: {
    "cgroup/bind4": { attachType: BpfAttachType.CGROUP_INET4_BIND },
    "cgroup/bind6": { attachType: BpfAttachType.CGROUP_INET6_BIND },
    "cgroup/connect4": { attachType: BpfAttachType.CGROUP_INET4_CONNECT },
    "cgroup/connect6": { attachType: BpfAttachType.CGROUP_INET6_CONNECT },
    "cgroup/connect_unix": { attachType: BpfAttachType.CGROUP_UNIX_CONNECT },
    "cgroup/sendmsg4": { attachType: BpfAttachType.CGROUP_UDP4_SENDMSG },
    "cgroup/sendmsg6": { attachType: BpfAttachType.CGROUP_UDP6_SENDMSG },
    "cgroup/sendmsg_unix": { attachType: BpfAttachType.CGROUP_UNIX_SENDMSG },
    "cgroup/recvmsg4": { attachType: BpfAttachType.CGROUP_UDP4_RECVMSG },
    "cgroup/recvmsg6": { attachType: BpfAttachType.CGROUP_UDP6_RECVMSG },
    "cgroup/recvmsg_unix": { attachType: BpfAttachType.CGROUP_UNIX_RECVMSG },
    "cgroup/getpeername4": { attachType: BpfAttachType.CGROUP_INET4_GETPEERNAME },
    "cgroup/getpeername6": { attachType: BpfAttachType.CGROUP_INET6_GETPEERNAME },
    "cgroup/getpeername_unix": { attachType: BpfAttachType.CGROUP_UNIX_GETPEERNAME },
    "cgroup/getsockname4": { attachType: BpfAttachType.CGROUP_INET4_GETSOCKNAME },
    "cgroup/getsockname6": { attachType: BpfAttachType.CGROUP_INET6_GETSOCKNAME },
    "cgroup/getsockname_unix": { attachType: BpfAttachType.CGROUP_UNIX_GETSOCKNAME },
  },
  CGROUP_SYSCTL: {
    "cgroup/sysctl": { attachType: BpfAttachType.CGROUP_SYSCTL },
  },
  CGROUP_SOCKOPT: {
    "cgroup/getsockopt": { attachType: BpfAttachType.CGROUP_GETSOCKOPT },
    "cgroup/setsockopt": { attachType: BpfAttachType.CGROUP_SETSOCKOPT },
  },
  CGROUP_DEVICE: {
    "cgroup/dev": { attachType: BpfAttachType.CGROUP_DEVICE },
  },
  STRUCT_OPS: {
    "struct_ops+": {},
    "struct_ops.s+": { sleepable: true },
  },
  SK_LOOKUP: {
    sk_lookup: { attachType: BpfAttachType.SK_LOOKUP },
  },
  NETFILTER: {
    netfilter: { attachType: BpfAttachType.NETFILTER },
  },
};

const NONE = {
  attachType: null,
  sleepable: false,
  xdpFrags: false,
  attachBtf: false,
  usdt: false,
  attach: null,
} as const;

/** Every section name that libbpf understands. No name matches two of them. */
export const SECTION_DEFINITIONS: readonly SectionDefinition[] = Object.entries(BY_TYPE).flatMap(
  ([type, rows]) =>
    Object.entries(rows).map(([pattern, row]) => ({
      pattern,
      type: BpfProgType[type as keyof typeof BpfProgType],
      ...NONE,
      ...row,
    })),
);
